# languages: typescript python
# uses: examples/concepts/15-quorum/{language}/main.{ext} examples/concepts/luck.{ext}
# must: writing back what was read     0 times new, then old
program "$examples/concepts/15-quorum/$LANGUAGE" main 7
