// System calls without the C library, for the keeper. It shares condolock's memory, errno included, so it must not call
// anything that sets errno, allocates or locks. Each returns the kernel's answer: a negative number is an error.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace condolock::process {

#if defined(__x86_64__)

constexpr bool shares_memory_safely = true;

inline long system_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  long result = number;
  asm volatile("syscall" : "+a"(result) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
}

#elif defined(__aarch64__)

constexpr bool shares_memory_safely = true;

inline long system_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  register long x5 asm("x5") = f;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}

#else

// This goes through the C library, which sets errno. So the keeper does not share memory here.
constexpr bool shares_memory_safely = false;

inline long system_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  const long result = syscall(number, a, b, c, d, e, f);
  return result < 0 ? -errno : result;
}

#endif

inline long address_of(const void* pointer) { return reinterpret_cast<long>(pointer); }

}  // namespace condolock::process
