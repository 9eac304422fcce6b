/* Preloaded into a server by slow-disk.ts: every fsync and fdatasync takes 10 ms longer, as on a slow disk. */

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_for_disk(void) {
  struct timespec delay = {0, 10 * 1000 * 1000};
  nanosleep(&delay, NULL);
}

int fsync(int file) {
  wait_for_disk();
  return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file) {
  wait_for_disk();
  return (int)syscall(SYS_fdatasync, file);
}
