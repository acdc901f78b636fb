//===- peak.cpp - what one core can do ------------------------------------------===//
//
// Prints the GFLOP/s of one thread's f32 matrix product of 1024 x 1024 x 1024 in oneDNN: the best
// of eight rounds.
//
//===----------------------------------------------------------------------------===//

#include <chrono>
#include <cstdio>
#include <dnnl.h>
#include <vector>

int main() {
  const dnnl_dim_t n = 1024;
  std::vector<float> a(n * n, 0.5f), b(n * n, 0.25f), c(n * n);
  double best = 0;
  for (int round = 0; round < 8; ++round) {
    auto begin = std::chrono::steady_clock::now();
    if (dnnl_sgemm('N', 'N', n, n, n, 1.0f, a.data(), n, b.data(), n, 0.0f, c.data(), n) !=
        dnnl_success)
      return 1;
    std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    double rate = 2e-9 * n * n * n / seconds.count();
    best = rate > best ? rate : best;
  }
  std::printf("%.1f\n", best);
  return 0;
}
