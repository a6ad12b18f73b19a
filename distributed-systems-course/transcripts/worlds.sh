# languages: typescript python
# uses: examples/world.{ext} examples/worlds.{ext} examples/02-store/mini/{language}/step4/votes.{ext} examples/02-store/mini/{language}/step4/replica.{ext}
# must: 50 worlds
# must: fits nowhere
# must: 0 wrong
case $LANGUAGE in
python) world=(python world.py) ;;
typescript) world=(node world.ts) ;;
esac
cd "$examples"
for words in "--faults kill" "--faults cut" "--faults cut --mended"; do
    run "${world[*]} store step4 --seeds 1..50 $words"
done
