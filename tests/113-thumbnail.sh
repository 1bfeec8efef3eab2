#!/bin/bash
# bit thumbnail: a small JPEG made anew, of whole, cut and huge pictures; what is no picture is refused.
. "$(dirname "$0")/lib.sh"
needs cli
digit=$(find "$top_srcdir/data/digits/train/3" -name '*.jpg' | sort | head -n 1)
# width and height of a JPEG that libjpeg wrote: its first frame header
size_of() { od -An -v -tx1 "$1" | tr -d ' \n' | sed -n 's/.*ffc00011080*\([0-9a-f]\{4\}\)\([0-9a-f]\{4\}\)03.*/\2x\1/p'; }
"$bit" thumbnail "$digit" --out whole.jpg >said 2>&1 && [ "$(size_of whole.jpg)" = 0020x0020 ]
ok $? "a whole picture"
"$bit" thumbnail "$digit" --out small.jpg --size 10 >said 2>&1 && [ "$(size_of small.jpg)" = 0008x0008 ]
ok $? "at most so many pixels a side"
bytes=$(stat -c %s "$digit")
head -c $((bytes - 60)) "$digit" >cut.off
"$bit" thumbnail cut.off --out cut.jpg >said 2>&1 && [ "$(size_of cut.jpg)" = 0020x0020 ] && ! cmp -s cut.jpg whole.jpg
ok $? "a picture that is cut off: its first rows"
echo 'no picture' >text
"$bit" thumbnail text --out text.jpg >said 2>&1
[ $? = 65 ] && [ ! -e text.jpg ]
ok $? "no picture: exit code 65, and no file"
"$bit" thumbnail "$scratch/missing" --out missing.jpg >said 2>&1
[ $? = 66 ]
ok $? "a missing file: exit code 66"
"$bit" thumbnail "$digit" >said 2>&1
[ $? = 64 ] && grep -q -e '--out' said
ok $? "without --out: exit code 64"
exit $bad
