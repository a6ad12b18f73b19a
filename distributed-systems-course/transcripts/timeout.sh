# languages: typescript python
# uses: examples/concepts/01-timeout/{language}/main.{ext} examples/concepts/luck.{ext}
# must: Nothing in the middle column tells which.
program "$examples/concepts/01-timeout/$LANGUAGE" main 531
