# languages: typescript python
# uses: examples/concepts/05-fencing/{language}/main.{ext} examples/concepts/luck.{ext}
# must: writes, with its lease's number               0
program "$examples/concepts/05-fencing/$LANGUAGE" main 7
