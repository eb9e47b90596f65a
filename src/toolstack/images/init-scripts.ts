/** Programs for process 1 of the initramfs, in busybox's shell. */

/** What both scripts start with: the file systems that programs expect. */
const prologue = `#!/bin/sh
export PATH=/sbin:/bin:/usr/sbin:/usr/bin HOME=/root TERM="\${TERM:-linux}"
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts 2>/dev/null
mount -t tmpfs tmpfs /tmp
`;

/**
 * A shell on the console without login, with job control; leaving it, `poweroff`, `halt` and `reboot` end the domain.
 * The shell is not process 1 but its child in a session of its own, or Ctrl-C would reach nobody. It must not be
 * started with &: what a script starts so ignores Ctrl-C for ever.
 */
export const interactiveInit = `${prologue}
hostname zendo
# of the kernel's command line: a console does not know its size by itself
[ -n "$COLUMNS" ] && stty cols "$COLUMNS" rows "$LINES"
unset COLUMNS LINES
type=$(cat /sys/hypervisor/type 2>/dev/null)
guest=$(cat /sys/hypervisor/guest_type 2>/dev/null)
echo
echo "$(uname -s) $(uname -r) on \${type:-bare hardware}\${guest:+ ($guest)}, $(nproc) CPU(s), $(free -m | awk '/^Mem/ { print $2 }') MiB."
echo "A busybox shell; type 'poweroff' or press Ctrl-D to end."
echo
cd /root
PS1='\\w \\$ ' ENV=/etc/shrc setsid cttyhack sh
sync
poweroff -f
sleep 60
`;

/** `poweroff` and its kin without an init to ask. The kernel calls the first and last itself when its toolstack asks it to stop. */
export const stopCommands = ['poweroff', 'halt', 'reboot'] as const;
export const stopScript = (command: string): string => `#!/bin/sh\nexec /bin/busybox ${command} -f "$@"\n`;
/** Read by the interactive shell: busybox's shell would run its own applets before the scripts of the same names. */
export const shellStartup = stopCommands.map((command) => `${command}() { /sbin/${command} "$@"; }\n`).join('');

/** SHA-256 of what \`seq 1 20000\` prints. */
export const SEQUENCE_SHA256 = 'f6351f5ead9a700e34275480b3856ea738122a7c57bdeb744a631251c069587a';
/** The line that says that every check of the acceptance run was right. */
export const ACCEPTANCE_OK = 'ZENDO ACCEPTANCE OK';

/**
 * Exercise a kernel from user space, say what was found, and power off. Each check prints \`ok NAME\` or
 * \`FAIL NAME: expected ..., got ...\`; ACCEPTANCE_OK comes only when none failed.
 */
export const acceptanceInit = `${prologue}
failed=0
is() {
  if [ "$2" = "$3" ]; then echo "ok $1"; else echo "FAIL $1: expected '$3', got '$2'"; failed=$((failed + 1)); fi
}
echo "type $(cat /sys/hypervisor/type 2>/dev/null)"
echo "guest_type $(cat /sys/hypervisor/guest_type 2>/dev/null)"
cat /proc/version
echo "cmdline $(cat /proc/cmdline)"
echo "clocksource $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource 2>/dev/null)"

is arithmetic "$((123456789 * 987654 / 321 % 1000003))" 170362
is pipes "$(echo zendo | tr a-z A-Z | rev | cat)" ODNEZ
is pipe_of_many "$(seq 1 1000 | sort -rn | head -n 3 | tr '\\n' ' ')" '1000 999 998 '
(exit 7)
is fork_and_exit $? 7
is subshells "$(for i in 1 2 3 4 5; do (echo $i); done | wc -l | tr -d ' ')" 5

sleep 60 &
child=$!
kill -TERM $child
wait $child
is killed_job $? 143
(sleep 0.1; exit 3) &
wait $!
is background_job $? 3
got=none
trap 'got=usr1' USR1
kill -USR1 $$
is trapped_signal "$got" usr1
sh -c 'trap "exit 9" TERM; sleep 60 & kill -TERM $$; wait'
is signal_in_wait $? 9
sh -c 'kill -SEGV $$' 2>/dev/null
is fatal_signal $? 139

is awk_float "$(awk 'BEGIN { x = 1; for (i = 0; i < 20; i++) x = x * 1.5 / 1.25; printf "%.6f", x }')" 38.337600
# Debian's busybox has no mathematical functions in awk: a root by Newton, e and pi by their series.
is awk_root "$(awk 'BEGIN { x = 1; for (i = 0; i < 8; i++) x = (x + 2 / x) / 2; printf "%.12f", x }')" 1.414213562373
is awk_series "$(awk 'BEGIN { e = t = 1; for (i = 1; i < 20; i++) { t /= i; e += t }; for (i = 400; i > 0; i--) p = i / (2 * i + 1) * (2 + p); printf "%.9f %.9f", e, 2 + p }')" '2.718281828 3.141592654'
is awk_big "$(awk 'BEGIN { x = 1; for (i = 0; i < 100; i++) x *= 2; printf "%.3e %.0f", x / 3, x / 140737488355328 - 1 }')" '4.226e+29 9007199254740991'

seq 1 20000 >/tmp/sequence
is file_size "$(wc -c </tmp/sequence | tr -d ' ')" 108894
is sha256 "$(sha256sum </tmp/sequence | cut -d ' ' -f 1)" ${SEQUENCE_SHA256}
gzip -c /tmp/sequence >/tmp/sequence.gz
is gzip_shrinks "$([ $(wc -c </tmp/sequence.gz) -lt 60000 ] && echo yes)" yes
is gunzip "$(gunzip -c /tmp/sequence.gz | sha256sum | cut -d ' ' -f 1)" ${SEQUENCE_SHA256}
dd if=/dev/zero of=/tmp/zero bs=64k count=16 2>/dev/null
is page_cache "$(md5sum </tmp/zero | cut -d ' ' -f 1)" b6d81b360a5672d80c27430f39153e2c
mkdir -p /tmp/a/b && ln -s b /tmp/a/link && echo data >/tmp/a/link/file && mv /tmp/a/b/file /tmp/a/moved
is files "$(cat /tmp/a/moved) $(ls /tmp/a | tr '\\n' ' ')" 'data b link moved '
is proc_self "$(awk '/^Name:/ { print $2 }' /proc/self/status)" awk
before=$(cut -d . -f 1 /proc/uptime)
sleep 1
after=$(cut -d . -f 1 /proc/uptime)
is clock_moves "$([ "$after" -gt "$before" ] && echo yes)" yes
is kernel_is_well "$(dmesg | grep -cE 'Oops|BUG:|WARNING:|Call Trace|general protection|Kernel panic')" 0

if [ $failed -eq 0 ]; then echo "${ACCEPTANCE_OK}"; else echo "ZENDO ACCEPTANCE FAILED: $failed"; fi
sync
poweroff -f
sleep 60
`;
