# languages: typescript python
# uses: examples/concepts/04-backoff/{language}/main.{ext} examples/concepts/luck.{ext}
# must: doubling                1000 refused, 100 still not served
# must: all served after
program "$examples/concepts/04-backoff/$LANGUAGE" main 7
