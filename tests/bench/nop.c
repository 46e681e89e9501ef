/* A program that does nothing: what is left of a task's cost is starting it.
 * Linked statically and without libc's start-up, which alone takes most of a
 * millisecond on some machines. */
#if defined(__x86_64__)
__asm__(".globl _start\n"
        "_start: xorl %edi, %edi\n"
        "movl $60, %eax\n"
        "syscall\n"
        ".section .note.GNU-stack,\"\",@progbits\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n"
        "_start: mov x0, #0\n"
        "mov x8, #93\n"
        "svc #0\n"
        ".section .note.GNU-stack,\"\",%progbits\n");
#else
#include <unistd.h>

void _start(void);

void _start(void)
{
    _exit(0);
}
#endif
