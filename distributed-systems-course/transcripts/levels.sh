# languages: typescript python
# uses: examples/concepts/14-levels/{language}/main.{ext} examples/concepts/luck.{ext}
# must: linearizable        0
program "$examples/concepts/14-levels/$LANGUAGE" main 7
