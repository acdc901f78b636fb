// One source, a version per instruction set, chosen when the program is loaded.
#ifndef TPC_RUNTIME_KERNELS_CLONES_H
#define TPC_RUNTIME_KERNELS_CLONES_H

// A sanitizer's instrumentation would run in the resolvers before the sanitizer is ready.
#if defined(__SANITIZE_ADDRESS__)
#define TPC_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TPC_SANITIZED 1
#endif
#endif

#if defined(__x86_64__) && !defined(TPC_SANITIZED)
#define TPC_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define TPC_CLONES
#endif

#endif
