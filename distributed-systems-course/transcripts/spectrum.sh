# languages: typescript python
# uses: examples/concepts/17-spectrum/{language}/main.{ext} examples/concepts/luck.{ext}
# must: keep a promise, and break one to its right: 0
program "$examples/concepts/17-spectrum/$LANGUAGE" main 7
