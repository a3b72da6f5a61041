#!/bin/sh
# Takes the pictures of every page for docs/screens.md, wide and on a phone, from a demo that has recorded
# for some minutes: `make screens`. Wants target/release/vigie, Chromium and ffmpeg.
set -eu
cd "$(dirname "$0")/../.."
binary=${CARGO_TARGET_DIR:-target}/release/vigie
folder=$(mktemp -d)
taken=$folder/taken
"$binary" demo --dir "$folder/demo" >"$folder/out" &
demo=$!
trap 'kill "$demo"; wait "$demo" || true; rm -rf "$folder"' EXIT
until grep -q '^ready ' "$folder/out"; do
	kill -0 "$demo"
	sleep 1
done
read -r _ url _ user _ password <"$folder/out"
sleep "${VIGIE_RECORD_SECONDS:-240}"
(cd tests/browser && VIGIE_URL=$url VIGIE_USER=$user VIGIE_PASSWORD=$password VIGIE_SCREENSHOTS=$taken \
	VIGIE_SIZES='1440x900-dark 390x844-light' node axe.mjs)

shots=docs/screenshots
rm -f "$shots"/*.webp
for picture in "$taken"/*.png; do
	name=${picture##*/}
	# A phone's first screen is 844 px high, twice as fine.
	case $name in *-390-*) crop="crop=iw:min(ih\,1688):0:0" ;; *) crop=null ;; esac
	ffmpeg -v error -y -i "$picture" -vf "$crop" -c:v libwebp -quality 75 -compression_level 6 "$shots/${name%.png}.webp"
done
{
	echo '# Every page'
	echo
	echo 'As `vigie demo` shows them, on a desktop (dark) and a phone (light). Taken by `make screens`.'
	for picture in "$shots"/*-1440-dark.webp; do
		name=$(basename "$picture" -1440-dark.webp)
		printf '\n## %s\n\n<img src="screenshots/%s-1440-dark.webp" width="700" alt="%s on a desktop"> <img src="screenshots/%s-390-light.webp" width="190" alt="%s on a phone">\n' \
			"$(echo "$name" | tr - ' ')" "$name" "$name" "$name" "$name"
	done
} >docs/screens.md
