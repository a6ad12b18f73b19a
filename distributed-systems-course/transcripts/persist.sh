# languages: typescript python
# uses: examples/concepts/06-persist/{language}/main.{ext} examples/concepts/luck.{ext}
# must: write, sync, answer           0           0
program "$examples/concepts/06-persist/$LANGUAGE" main 7
