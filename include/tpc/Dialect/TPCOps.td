//===- TPCOps.td - all ops of the dialect ------------------------*- tablegen -*-===//

#ifndef TPC_DIALECT_TPCOPS_TD
#define TPC_DIALECT_TPCOPS_TD

include "tpc/Dialect/AnnotationOps.td"
include "tpc/Dialect/CollectiveOps.td"
include "tpc/Dialect/ComputeOps.td"
include "tpc/Dialect/GradientOps.td"
include "tpc/Dialect/ScheduleOps.td"

#endif // TPC_DIALECT_TPCOPS_TD
