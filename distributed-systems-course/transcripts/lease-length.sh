# languages: typescript python
# uses: examples/concepts/05-lease/{language}/main.{ext} examples/concepts/luck.{ext}
# must: 120 s
program "$examples/concepts/05-lease/$LANGUAGE" main 7
