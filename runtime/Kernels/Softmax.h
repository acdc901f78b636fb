// The row-wise parts of attention.
#ifndef TPC_RUNTIME_KERNELS_SOFTMAX_H
#define TPC_RUNTIME_KERNELS_SOFTMAX_H

#include "tpc/runtime/BFloat16.h"

#include <cstdint>

namespace tpc::runtime {

/// exp(row[j] - max) over the first `visible` entries, zeros up to `width`; `visible` is at
/// least 1.
struct SoftmaxRow {
  float max, sum;
};
SoftmaxRow exponentiateRow(float *row, int64_t visible, int64_t width);

/// scores[j] becomes the probability exp(scores[j] - logSumExp) and cotangents[j] (of the
/// probability) becomes the cotangent of the unscaled score, probability * (cotangent - dot) *
/// scale; both are zero from `visible` to `width`.
void softmaxGradRow(float *scores, float *cotangents, int64_t visible, int64_t width,
                    float logSumExp, float dot, float scale);

/// The sum of a[i] * b[i].
float dotRow(const float *a, const float *b, int64_t size);
float dotRow(const BFloat16 *a, const BFloat16 *b, int64_t size);

/// Multiplies the row by `factor`.
void scaleRow(float *row, int64_t size, float factor);

/// Extends, and rounds to nearest even; the two do not overlap.
void widenRow(const BFloat16 *from, float *to, int64_t size);
void narrowRow(const float *from, BFloat16 *to, int64_t size);

} // namespace tpc::runtime

#endif
