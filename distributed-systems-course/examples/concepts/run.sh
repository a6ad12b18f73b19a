#!/bin/sh
# What compose.yaml runs in its containers: run.sh python|typescript NN-topic [SEED]
set -eu
language=$1
shift
if [ $# -eq 0 ] || [ ! -d "${1:-}/$language" ]; then
    echo "usage: docker compose run --rm $language NN-topic [SEED], where NN-topic is one of" >&2
    for topic in */"$language"; do echo "  ${topic%/*}" >&2; done
    exit 2
fi
cd "$1/$language"
shift
case $language in
python) exec python main.py "$@" ;;
typescript) exec node main.ts "$@" ;;
esac
