# languages: typescript python
# uses: examples/concepts/12-election/{language}/main.{ext} examples/concepts/luck.{ext}
# must: a majority's votes; a majority's disks
program "$examples/concepts/12-election/$LANGUAGE" main 7
