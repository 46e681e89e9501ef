/* Heap memory, with one switch for tests: make the k-th allocation fail.
 *
 * Everything of ours that is on the heap comes from here, so that a test can
 * walk through all allocation failures of a function one by one.
 */
#ifndef MPIBATCH_BASE_MEM_H
#define MPIBATCH_BASE_MEM_H

#include <stddef.h>

/* Uninitialised, zeroed, and resized arrays of count elements of size bytes;
 * an overflow of the product counts as no memory. NULL: no memory, the old
 * array of mem_resize stays. Free with mem_free. */
void *mem_alloc(size_t size);
void *mem_calloc(size_t count, size_t size);
void *mem_resize(void *p, size_t count, size_t size);

/* Copies of a string, and of its first len bytes with a NUL behind them. */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t len);

/* Free what came from here; NULL is fine; errno stays. */
void mem_free(void *p);

/* Tests only: the countdown-th allocation of this thread from now (1: the
 * next) fails, once. 0: none fails. Returns how many allocations the thread
 * made since the last call. */
unsigned long mem_fail_at(unsigned long countdown);

#endif
