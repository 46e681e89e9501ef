/* File descriptors of a child before it runs something else. */
#ifndef MPIBATCH_PROC_FDS_H
#define MPIBATCH_PROC_FDS_H

/* Close every descriptor from first on. Allocates nothing and takes no lock:
 * fine between clone and exec. */
void fds_close_from(int first);

/* The same by /proc/self/fd: what fds_close_from does on kernels before 5.9,
 * which have no close_range. */
void fds_close_by_proc(int first);

#endif
