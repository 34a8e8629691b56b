// Makes every sync take a millisecond longer, as on a disk that really writes: for machines whose own is too fast to be the limit.
//
//   cc -shared -fPIC -o /tmp/slow-disk.so crates/bench/slow-disk.c
//   LD_PRELOAD=/tmp/slow-disk.so cargo run --release -p bench -- --only refresh
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_for_the_disk(void) {
    struct timespec millisecond = {0, 1000000};
    nanosleep(&millisecond, 0);
}

int fsync(int file) {
    wait_for_the_disk();
    return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file) {
    wait_for_the_disk();
    return (int)syscall(SYS_fdatasync, file);
}
