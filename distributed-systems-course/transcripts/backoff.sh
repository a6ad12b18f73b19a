# languages: typescript python
# uses: examples/concepts/04-backoff/{language}/main.{ext}
# must: doubling, with jitter
program "$examples/concepts/04-backoff/$LANGUAGE" main 7
