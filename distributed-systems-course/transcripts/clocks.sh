# languages: typescript python
# uses: examples/concepts/16-vector-clock/{language}/main.{ext} examples/concepts/luck.{ext}
# must: a number for each office         0                   0
program "$examples/concepts/16-vector-clock/$LANGUAGE" main 7
