# languages: typescript python
# uses: examples/concepts/09-ring/{language}/main.{ext} examples/concepts/luck.{ext}
# must: keys that move
program "$examples/concepts/09-ring/$LANGUAGE" main 3
