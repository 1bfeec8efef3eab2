#!/bin/bash
# bit bench --fit and bit plan --machine: the file that is written can be read, and the prediction's arithmetic by hand.
. "$(dirname "$0")/lib.sh"
needs cli

cat >job.json <<'JSON'
{
  "model": {"depth": 14, "classes": 10},
  "data": {"train": "images/train", "images": 6400, "size": 32}, "threads": 1,
  "schedule": {"epochs": 10, "batch": 64, "warmup_steps": 100, "decay_epochs": []}
}
JSON
cat >machine.json <<'JSON'
{"decode_seconds": 0.001, "compute": [
  {"model": "R14x1", "size": 32, "precision": "float32", "backend": "onednn", "micro_batch": 8, "threads": 1, "processes": 1,
   "cores": 8, "flops_an_image": 1e9, "parameters": 8028928, "forward_seconds": 0.1, "backward_seconds": 0.2, "fixed_seconds": 0.05, "update_seconds": 0.04},
  {"model": "R14x1", "size": 32, "precision": "float32", "backend": "onednn", "micro_batch": 8, "threads": 1, "processes": 8,
   "cores": 8, "flops_an_image": 1e9, "parameters": 8028928, "forward_seconds": 0.2, "backward_seconds": 0.3, "fixed_seconds": 0.05, "update_seconds": 0.04}],
 "network": {"ranks": 2, "latency_seconds": 0, "bytes_per_second": 1e8, "reduce_bytes_per_second": 1e8,
   "gather_bytes_per_second": 1e8, "cpu_seconds_a_byte": 0}}
JSON
# The network of the file is scaled by arithmetic to the plan's: the same here.
plan() { "$bit" plan job.json --machine "${machine:-machine.json}" --json "$@" 2>err; }
flops=$(plan | sed 's/.*"flops_an_image":\([0-9.e+]*\).*/\1/')
sed -i "s/1e9/$flops/g" machine.json
# near WHAT KEY VALUE ARGUMENT...: the prediction's KEY, within a thousandth
near() {
    local what=$1 key=$2 value=$3 found
    shift 3
    found=$(plan "$@" | sed 's/.*"prediction"://' | sed "s/.*\"$key\":\([0-9.e+-]*\).*/\1/")
    awk -v a="${found:-0}" -v b="$value" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(d <= b * 0.001) }'
    ok $? "$what: $value"
    [ -n "$found" ] || cat err
}
near "one rank: 0.05 + 8 x 0.3 + 0.04" step_seconds 2.49
near "images a second" images_per_second 25.703
near "a core shared by two: twice the full machine" step_seconds 8.308 --cores 0.5
near "a full machine's measurement: 0.05 + 8 x 0.5 + 64 x 0.001 + 0.04" step_seconds 4.154 --cores 1
# 8,028,928 numbers with padding, half of them sent, at 1e8 bytes a second
near "two machines: gathering" gather_seconds 0.160579 -n 2 --per-node 1
near "two machines: reduction" reduce_seconds 0.160579 -n 2 --per-node 1
near "four machines: three quarters" gather_seconds 0.240868 -n 4 --per-node 1
exposed=$(plan -n 2 --per-node 1 | sed 's/.*"exposed_seconds":\([0-9.e+-]*\).*/\1/')
# at least the last of 31 buckets, and not the whole
awk -v e="$exposed" 'BEGIN { exit !(e >= 0.00517 && e < 0.15) }'
ok $? "part of the reduction is hidden: $exposed s are not"
# Another micro-batch or size is the same network: passes in proportion, packing and update as they were.
near "micro-batches of 4: 0.05 + 16 x 0.15 + 0.04" step_seconds 2.49 --set micro_batch=4
near "and their update" update_seconds 0.04 --set micro_batch=4
plan --set micro_batch=4 | grep -q '"scaled":false'
ok $? "micro-batches of 4 are not scaled from another network"
sed 's/"parameters": [0-9]*/"parameters": 4014464/; s/R14x1/R26x1/' machine.json >half.json
machine=half.json near "another network with half the parameters: 0.1 + 8 x 0.3 + 0.08" step_seconds 2.58
machine=half.json plan | grep -q '"scaled":true'
ok $? "a prediction scaled from another network says so"
expect 0 "scaling" "$bit" plan job.json --machine machine.json --scaling
says out "1024    1024     8192"
expect 64 "ranks of one machine were not measured" "$bit" plan job.json --machine machine.json -n 2
says err "bit bench reduce --ranks 2 --fit FILE"
expect 64 "a precision that was not measured is refused" "$bit" plan job.json --machine machine.json --set precision=bfloat16
expect 64 "--scaling without a machine" "$bit" plan job.json --scaling
expect 66 "a file of measurements that is not there: exit 66" "$bit" plan job.json --machine nowhere.json
echo '{"compute": [{"model": "R14x1"}]}' >bad.json
expect 65 "a file that holds no measurements: exit 65" "$bit" plan job.json --machine bad.json

expect 0 "step writes a file" "$bit" bench step --model R14x1 --classes 10 --size 32 --batch 8 --threads 1 --steps 1 --copies 2 --fit fit.json
expect 0 "decode adds to it" "$bit" bench decode --threads 1 --size 32 --repeat 1 --fit fit.json
grep -q '"processes": 2' fit.json && ! grep -q '"decode_seconds": 0,' fit.json
ok $? "--fit keeps what step and decode measured"
expect 0 "a plan with the file that --fit wrote" "$bit" plan job.json --machine fit.json
says out "predicted"
exit $bad
