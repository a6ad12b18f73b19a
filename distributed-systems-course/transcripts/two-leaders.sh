# languages: typescript python
# uses: examples/concepts/13-two-leaders/{language}/main.{ext} examples/concepts/luck.{ext}
# must: last writer wins
program "$examples/concepts/13-two-leaders/$LANGUAGE" main 7
