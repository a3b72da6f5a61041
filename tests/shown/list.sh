# What the lists of figures have in common; sourced by 4.sh and its neighbours, after `list=N`.
# Each part's results are in target/shown/N-PART.txt, `number: figure [build] … pass|FAIL`.
set -u
cd "$(dirname "$0")/../.." || exit 1
target=${CARGO_TARGET_DIR:-target}
mkdir -p target/shown

# The results of each part are in a file of its own.
begin() {
	export VIGIE_SHOWN=1 VIGIE_SHOWN_LIST="$list-$1"
	results=$PWD/target/shown/$list-$1.txt log=$PWD/target/shown/$list-$1.log
	: >"$results"
}

# Says of the results from line $1 on which build they are of.
built() {
	sed -i "$1,\$s/ … \(pass\|FAIL\)\$/ [$2] … \1/" "$results"
}

# THREADS BUILD TEST…: each test as `line:module::name`. One that fails before it can say so, or is not
# there, is a FAIL as well. With `named` set each that holds has a line by its name.
e2e() {
	threads=$1 build=$2 features=
	shift 2
	[ "$build" = "for tests" ] && features="--features fault-hooks"
	first=$(($(wc -l <"$results") + 1))
	# shellcheck disable=SC2046,SC2086 # words
	cargo test --locked --release $features --test e2e -- --exact --test-threads "$threads" \
		$(for test; do echo "${test#*:}"; done) | tee "$log"
	for test; do
		if ! grep -q "^test ${test#*:} \.\.\. ok\$" "$log"; then
			echo "${test%%:*}: the test ${test#*:} did not pass … FAIL" >>"$results"
		elif [ -n "${named-}" ]; then
			echo "${test%%:*}: $(echo "${test#*::}" | tr _ ' ') … pass" >>"$results"
		fi
	done
	built "$first" "$build"
}

# What is shown is the packaged program: building with fault-hooks would replace it.
packaged() {
	cargo build --locked --release --bin vigie || exit 1
	cp "$target/release/vigie" target/shown/vigie
	export VIGIE_BINARY="$PWD/target/shown/vigie"
}

# KNOWN PART…: runs the parts that are asked for, and lists what they found.
parts() {
	known=$1
	shift
	for part; do
		case " $known " in
		*" $part "*) begin "$part" && "$part" ;;
		*) echo "$list.sh: no part $part: $known" >&2 && exit 2 ;;
		esac
	done
	echo
	# shellcheck disable=SC2046 # a word each
	sort -n -s -t: -k1,1 $(for part; do echo "target/shown/$list-$part.txt"; done) | tee "target/shown/$list.txt"
	! grep -q 'FAIL$' "target/shown/$list.txt"
}
