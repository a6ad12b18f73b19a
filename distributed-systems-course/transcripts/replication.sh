# languages: typescript python
# uses: examples/concepts/11-replication/{language}/main.{ext} examples/concepts/luck.{ext}
# must: OK was said, and then it is gone with
program "$examples/concepts/11-replication/$LANGUAGE" main 7
