/**
 * An init that makes and ends processes: programs of busybox that end by themselves, each in a process of its own; copies of busybox, so that their
 * pages are new. 20 processes and a copy a round, `CHURN n` behind each; after `rounds` of them it powers off.
 */
export const churnInit = (rounds?: number): string => `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /tmp
/bin/busybox mount -t proc proc /proc
n=0
while ${rounds === undefined ? ':' : `[ $n -lt ${rounds} ]`}; do
  /bin/busybox cp /bin/busybox /tmp/busybox$((n % 4))
  for program in "seq 1 300" "ls -l /bin" "awk BEGIN{for(i=0;i<500;i++)x+=i*i;print(x)}" "md5sum /init" "sha256sum /init" "sort /init" "grep -c o /init" \\
    "gzip -c /init" "od -c /init" "cksum /init" "dmesg" "ps" "uptime" "expr 17 * 4" "sed -n 1p /init" "tr a b" "head -3 /init" "wc /init" "stat /init" "find /proc/1"; do
    /tmp/busybox$((n % 4)) $program < /init > /dev/null 2>&1
  done
  n=$((n + 1))
  echo CHURN $n
done
/bin/busybox poweroff -f
`;
