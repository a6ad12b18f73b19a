# languages: typescript python
# uses: examples/concepts/08-partition/{language}/main.{ext} examples/concepts/luck.{ext}
# must: by remainder
program "$examples/concepts/08-partition/$LANGUAGE" main 7
