# languages: typescript python
# uses: examples/concepts/07-backpressure/{language}/main.{ext} examples/concepts/luck.{ext}
# must: the producer (waits)
program "$examples/concepts/07-backpressure/$LANGUAGE" main 7
