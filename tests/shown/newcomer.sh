#!/bin/sh
# Line 1: what a newcomer does. On a fresh Debian 12 (mmdebstrap, booted by nobody, entered with
# systemd-nspawn) that has git, make, Rust and Node only: clone, `make demo`, look, `make test`.
# Rust and Node are copied from this machine. Prints one line for each figure on standard
# output, all else on standard error; ends with 1 where a figure fails. As root; takes about
# forty minutes on two cores.
#
#     tests/shown/newcomer.sh [REVISION]
set -u
cd "$(dirname "$0")/../.."
revision=${1:-HEAD}

for tool in mmdebstrap systemd-nspawn git rustc node npm curl jq ffplay; do
	command -v "$tool" >/dev/null || missing="${missing:-} $tool"
done
[ "$(id -u)" = 0 ] || missing="${missing:-} root"
[ -d tests/browser/node_modules ] || missing="${missing:-} tests/browser/node_modules"
if [ -n "${missing:-}" ]; then
	echo "1: left out, needs:$missing"
	exit 0
fi

mkdir -p target/shown
work=$(mktemp -d "$PWD/target/shown/newcomer.XXXXXX")
root=$work/root
demo=
clean_up() {
	[ -z "$demo" ] || kill "$demo" 2>/dev/null
	wait 2>/dev/null
	rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

failed=0
verdict() {
	if [ "$1" = 0 ]; then
		echo "1: $2 … pass"
	else
		failed=1
		echo "1: $2 … FAIL"
	fi
}
minutes() { awk -v s="$1" 'BEGIN { printf "%.1f min", s / 60 }'; }
within() {
	# A machine of its own may lock memory (without, ffmpeg's libgcrypt complains at each start) and have
	# networks.
	systemd-nspawn --capability=CAP_IPC_LOCK,CAP_NET_ADMIN --quiet --directory "$root" --register=no --keep-unit --as-pid2 \
		--setenv=PATH=/opt/rust/bin:/root/.cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		--setenv=NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt --setenv=CI=1 --console=pipe \
		--chdir=/root/vigie "$@" </dev/null
}

mmdebstrap --quiet --variant=minbase --include=ca-certificates,git,make bookworm "$root" >&2 || exit 1
cp -a "$(rustc --print sysroot)" "$root/opt/rust"
cp -L "$(command -v node)" "$root/usr/bin/node"
mkdir -p "$root/usr/lib/node_modules"
cp -a "$(npm root -g)/npm" "$root/usr/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/bin/npm"
# Authorities that this machine's administrator trusts besides Debian's.
if ls /usr/local/share/ca-certificates/*.crt >/dev/null 2>&1; then
	cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
	chroot "$root" update-ca-certificates >&2 || exit 1
fi
# As the installer writes it.
printf '127.0.0.1\tlocalhost\n::1\tlocalhost\n' >"$root/etc/hosts"
git clone --quiet . "$root/root/vigie" && git -C "$root/root/vigie" checkout --quiet --detach \
	"$(git rev-parse "$revision")" || exit 1

# --- make demo ----------------------------------------------------------------------------------

began=$(date +%s)
within make demo >"$work/demo.out" 2>"$work/demo.err" &
demo=$!
until grep -q '^ready ' "$work/demo.out" || ! kill -0 "$demo" 2>/dev/null; do sleep 1; done
ready=$(grep '^ready ' "$work/demo.out") || tail -n 40 "$work/demo.out" "$work/demo.err" >&2
[ -n "$ready" ]
verdict $? "make demo on a fresh Debian: ready after $(minutes $(($(date +%s) - began)))"
[ "$failed" = 0 ] || exit 1
# ready URL user NAME password PASSWORD
read -r _ url _ user _ password <<READY
$ready
READY

# A minute of footage, then the page in a browser and a clip in a player.
sleep 60
if (cd tests/browser && VIGIE_URL=$url VIGIE_USER=$user VIGIE_PASSWORD=$password node first-page.mjs) >&2; then
	verdict 0 "its page in Chromium: live, and footage by a click"
else
	verdict 1 "its page in Chromium: live, and footage by a click"
fi
to=$(date -u +%FT%TZ)
from=$(date -u -d '-30 seconds' +%FT%TZ)
for camera in $(curl -sf -u "$user:$password" "$url/api/v1/cameras" | jq -r '.[].id'); do
	curl -sf -u "$user:$password" -o "$work/clip.mp4" \
		"$url/api/v1/cameras/$camera/video.mp4?from=$from&to=$to"
	complaints=$(SDL_VIDEODRIVER=dummy SDL_AUDIODRIVER=dummy \
		timeout 60 ffplay -v error -autoexit "$work/clip.mp4" 2>&1)
	[ $? = 0 ] && [ -z "$complaints" ]
	verdict $? "30 s of $camera play in ffplay${complaints:+ ($complaints)}"
done
# Ctrl-C in a terminal reaches the program itself: the one in another mount namespace than ours.
ours=$(readlink /proc/self/ns/mnt)
for process in /proc/[0-9]*; do
	case $(readlink "$process/exe" 2>/dev/null) in
		*/root/vigie/target/release/vigie)
			[ "$(readlink "$process/ns/mnt")" = "$ours" ] || kill -INT "${process#/proc/}" ;;
	esac
done
wait "$demo"
demo=

# --- make test ----------------------------------------------------------------------------------

began=$(date +%s)
within make test >"$work/test.log" 2>&1
passed=$?
summary=$(sed 's/\x1b\[[0-9;]*m//g' "$work/test.log" | grep 'Summary' | sed 's/^ *//' | tail -n 1)
[ "$passed" = 0 ] || tail -n 150 "$work/test.log" >&2
verdict "$passed" "make test there: $(minutes $(($(date +%s) - began))), $summary"
exit "$failed"
