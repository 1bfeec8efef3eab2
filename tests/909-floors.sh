#!/bin/bash
# Every library links with the floors below it and with nothing else, every object of it and of them (no luck about which members of an
# archive are pulled); every program's own objects use only what its libraries have. The floors are those of the README's map.
. "$(dirname "$0")/lib.sh"
cd "$top_builddir" || exit 1

variable() { sed -n "s/^$1 = //p" Makefile | head -n 1; }
CC=$(variable CC)
flags="$(variable CFLAGS) $(variable BIT_CFLAGS) $(variable OPENMP_CFLAGS) $(variable BIT_LDFLAGS)"

# Floor and libraries of other people that the room's own header promises; a room's neighbours on its floor are not linked.
#   ROOM FLOOR LIBRARIES
rooms='base 0 XXHASH_LIBS CJSON_LIBS
compute 1 OPENBLAS_LIBS ONEDNN_LIBS
comm 1 MPI_LIBS
job 1 CJSON_LIBS
record 1 CJSON_LIBS
coco 1
observe 1
data 2 JPEG_LIBS PNG_LIBS
model 2
heads 2
store 2 HDF5_LIBS CJSON_LIBS
exchange 2 CJSON_LIBS ZIP_LIBS
watch 2
optimise 2
train 3
evaluate 3
recipe 3 CJSON_LIBS
dedup 3
features 3
suite 2 CJSON_LIBS
start 3 CJSON_LIBS HDF5_LIBS ZIP_LIBS
apply 4 CJSON_LIBS
run 4 CJSON_LIBS'

# The map in the README says the same of every room.
wrong=''
while read -r room floor _; do
    grep -qE "^\| $floor \|.*\`src/$room\`" "$top_srcdir/README.md" || wrong+=" $room"
done <<<"$rooms"
[ -z "$wrong" ]; ok $? "the README's floor map has every room on its floor${wrong:+, but not:$wrong}"
wrong=''
for folder in "$top_srcdir"/src/*/; do
    room=$(basename "$folder")
    case $room in cli | bench | daemon) continue ;; esac # programs, not libraries
    grep -q "^$room " <<<"$rooms" || wrong+=" $room"
done
[ -z "$wrong" ]; ok $? "every folder of src is a room with a floor${wrong:+, but not:$wrong}"

# Words of the job become enums in src/recipe, once; behind the reader the job is constant. (A job of bitd is another thing.)
wrong=$(cd "$top_srcdir" && grep -rnE 'str(n|case|ncase)?cmp *\([^;]*job->' --include='*.c' --include='*.h' src | grep -vE '^src/(job|recipe|daemon)/')
[ -z "$wrong" ]; ok $? "only src/job and src/recipe compare words of a job${wrong:+: $wrong}"
wrong=$(cd "$top_srcdir" && grep -rnE '\bstruct bit_job \*' --include='*.c' --include='*.h' src include | grep -v 'const struct bit_job \*' |
    grep -vE '^src/job/')
[ -z "$wrong" ]; ok $? "the job is constant outside src/job${wrong:+: $wrong}"

archives() { # ROOM: its libraries
    case $1 in compute) echo libcompute.a libcompute_*.a ;; *) echo "lib$1.a" ;; esac
}
echo 'int main(void) { return 0; }' >"$scratch/main.c"
while read -r room floor others; do
    whole=$(archives "$room") below='' libraries=''
    for name in $others; do libraries+=" $(variable "$name")"; done
    while read -r other its_floor theirs; do
        [ "$its_floor" -lt "$floor" ] || continue
        below+=" $(archives "$other")"
        for name in $theirs; do libraries+=" $(variable "$name")"; done
    done <<<"$rooms"
    # shellcheck disable=SC2086
    $CC $flags -o "$scratch/a.out" "$scratch/main.c" -Wl,--whole-archive $whole $below -Wl,--no-whole-archive $libraries -lm -lpthread \
        >"$scratch/said" 2>&1
    code=$?
    [ $code = 0 ] || grep -E 'undefined reference|multiple definition' "$scratch/said" | sed 's/.*: /# /' | sort -u | head -n 20
    ok $code "$room links with the floors below it only"
done <<<"$rooms"

# A program's libraries are whole, too: nothing in them is there by luck.
while read -r program words; do
    objects='' whole='' libraries=''
    for word in $words; do
        case $word in *.o) objects+=" $word" ;; *.a) whole+=" $word" ;; *) libraries+=" $word" ;; esac
    done
    whole=$(tr ' ' '\n' <<<"$whole" | sort -u | tr '\n' ' ')
    # shellcheck disable=SC2086
    $CC $flags -o "$scratch/a.out" $objects -Wl,--whole-archive $whole -Wl,--no-whole-archive $libraries -lm -lpthread >"$scratch/said" 2>&1
    code=$?
    [ $code = 0 ] || grep -E 'undefined reference|multiple definition' "$scratch/said" | sed 's/.*: /# /' | sort -u | head -n 20
    ok $code "$program links with its libraries whole"
done < <("${MAKE:-make}" -s list-links)
exit $bad
