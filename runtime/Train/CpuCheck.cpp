#include "Train/CpuCheck.h"
#include "tpc/runtime/Error.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

namespace tpc::runtime {
namespace {

const std::vector<std::string> levelTwo = {"cx16", "popcnt", "sse4.1", "sse4.2", "ssse3"};
const std::vector<std::string> levelThree = {"avx",  "avx2", "bmi",   "bmi2",
                                             "f16c", "fma",  "lzcnt", "movbe"};
const std::vector<std::string> levelFour = {"avx512f", "avx512bw", "avx512cd", "avx512dq",
                                            "avx512vl"};

/// LLVM and Linux differ in punctuation ("sse4.1", "sse4_1") and in a few names.
std::string canonical(std::string name) {
  name.erase(std::remove_if(name.begin(), name.end(),
                            [](char c) { return c == '.' || c == '_' || c == '-' || c == '+'; }),
             name.end());
  static const std::map<std::string, std::string> aliases = {{"lzcnt", "abm"},
                                                             {"bmi", "bmi1"},
                                                             {"sse3", "pni"},
                                                             {"pclmul", "pclmulqdq"},
                                                             {"sha", "shani"}};
  auto found = aliases.find(name);
  return found == aliases.end() ? name : found->second;
}

/// Features that show in ordinary compiled code; the rest (serialize, uintr, ...) needs intrinsics.
bool matters(const std::string &feature) {
  for (const char *prefix : {"sse", "ssse", "avx", "amx", "fma", "f16c", "bmi", "lzcnt", "popcnt",
                             "movbe", "gfni", "vaes", "vpclmul", "cx16", "xop", "tbm"})
    if (feature.rfind(prefix, 0) == 0)
      return true;
  return false;
}

std::vector<std::string> needed(const std::string &cpu, const std::vector<std::string> &features) {
  std::vector<std::string> result;
  int level = cpu == "x86-64-v2" ? 2 : cpu == "x86-64-v3" ? 3 : cpu == "x86-64-v4" ? 4 : 0;
  if (level >= 2)
    result.insert(result.end(), levelTwo.begin(), levelTwo.end());
  if (level >= 3)
    result.insert(result.end(), levelThree.begin(), levelThree.end());
  if (level >= 4)
    result.insert(result.end(), levelFour.begin(), levelFour.end());
  for (const std::string &feature : features) {
    std::string name = feature.substr(feature.rfind('+', 0) == 0 ? 1 : 0);
    if (name[0] != '-' && matters(name))
      result.push_back(name);
  }
  return result;
}

} // namespace

std::set<std::string> processorFlags(const std::string &cpuinfo) {
  std::set<std::string> flags;
  std::ifstream file(cpuinfo);
  for (std::string line; std::getline(file, line);)
    if (line.rfind("flags", 0) == 0) {
      std::stringstream words(line.substr(line.find(':') + 1));
      for (std::string word; words >> word;)
        flags.insert(canonical(word));
      break;
    }
  return flags;
}

void checkCpu(const std::string &cpu, const std::vector<std::string> &features,
              const std::set<std::string> &flags) {
  if (flags.empty())
    return; // no such file on this system: nothing is known
  std::string missing;
  for (const std::string &feature : needed(cpu, features))
    if (!flags.count(canonical(feature)))
      missing += (missing.empty() ? "" : ", ") + feature;
  if (!missing.empty())
    throw Error("this program was compiled for " + cpu + ", this machine lacks " + missing +
                ": compile it here with --cpu native, or with --cpu x86-64-v2 for any machine");
}

} // namespace tpc::runtime
