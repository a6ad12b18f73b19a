# languages: typescript python
# uses: examples/concepts/12-memory/{language}/main.{ext} examples/concepts/luck.{ext}
# must: in memory
program "$examples/concepts/12-memory/$LANGUAGE" main 7
