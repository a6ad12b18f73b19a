# languages: typescript python
# uses: examples/concepts/03-two-generals/{language}/main.{ext} examples/concepts/luck.{ext}
# must: The last messenger is never confirmed
program "$examples/concepts/03-two-generals/$LANGUAGE" main 7
