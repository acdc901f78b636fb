// What the collectives must compute, one element at a time, and the cases they are tested with.
#ifndef TPC_TEST_UNIT_COMM_REFERENCE_H
#define TPC_TEST_UNIT_COMM_REFERENCE_H

#include "tpc/runtime/Communicator.h"
#include <string>
#include <vector>

namespace tpc::runtime::test {

/// Elements as doubles; every test value is exact in every element type.
using Values = std::vector<double>;

/// Bytes of `values` as elements of `dtype`, and back.
std::vector<char> encode(tpc_dtype dtype, const Values &values);
Values decode(tpc_dtype dtype, const char *bytes, size_t count);

/// A small whole number that depends on everything, the same in every process.
double inputValue(const Collective &collective, int rank, size_t operand, size_t element);
Values inputOf(const Collective &collective, int rank, size_t operand);

/// Output of `operand` on `rank`, computed element by element from everybody's inputs.
Values expectedOutput(const Collective &collective, int rank, size_t operand);

/// Every op x element type x reduction x dim x group x size for `world` ranks; numbered from 0.
std::vector<Collective> allCases(int world);

/// Where buffers lie: in the communication region, outside it, in it with the output over the
/// input.
enum class Placement { Region, Outside, InPlace };

/// Runs `collective` on this rank; empty if every element is as `expected` (by operand), else what
/// is wrong.
std::string checkCollective(Communicator &communicator, const Collective &collective,
                            const std::vector<Values> &expected, Placement placement);

/// Region bytes that checkCollective needs for `cases`.
size_t regionBytesFor(const std::vector<Collective> &cases);

/// Runs all cases in all placements; empty or the first mistake.
std::string checkAll(Communicator &communicator, const std::vector<Collective> &cases);

} // namespace tpc::runtime::test

#endif
