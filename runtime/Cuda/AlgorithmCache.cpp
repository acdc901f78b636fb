#include "Cuda/AlgorithmCache.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace tpc::runtime {
namespace {

constexpr size_t kWords = sizeof(cublasLtMatmulAlgo_t::data) / sizeof(uint64_t);

std::string folderOfCaches() {
  const char *cache = std::getenv("XDG_CACHE_HOME"), *home = std::getenv("HOME");
  if (cache && *cache == '/')
    return std::string(cache) + "/tpc";
  return home && *home ? std::string(home) + "/.cache/tpc" : "";
}

std::string fileName(size_t version, const std::string &gpu) {
  std::string name = "cublaslt-" + std::to_string(version) + "-" + gpu;
  for (char &c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-')
      c = '_';
  return name;
}

/// A line "PRODUCT WORD ... WORD"; false if it is none.
bool parse(const std::string &line, std::string &product, cublasLtMatmulAlgo_t &algorithm) {
  std::istringstream words(line);
  words >> product;
  for (uint64_t &word : algorithm.data)
    if (!(words >> std::hex >> word))
      return false;
  std::string rest;
  return !(words >> rest);
}

} // namespace

AlgorithmCache::AlgorithmCache(size_t version, const std::string &gpu) {
  std::string folder = folderOfCaches();
  std::error_code error;
  if (folder.empty() || (std::filesystem::create_directories(folder, error), error))
    return;
  file = folder + "/" + fileName(version, gpu);
  std::ifstream lines(file);
  std::string product;
  cublasLtMatmulAlgo_t algorithm;
  for (std::string line; std::getline(lines, line);)
    if (parse(line, product, algorithm))
      known[product] = algorithm;
}

std::optional<cublasLtMatmulAlgo_t> AlgorithmCache::find(const std::string &product) const {
  auto found = known.find(product);
  return found == known.end() ? std::nullopt : std::optional(found->second);
}

void AlgorithmCache::add(const std::string &product, const cublasLtMatmulAlgo_t &algorithm) {
  known[product] = algorithm;
  int descriptor =
      file.empty() ? -1 : open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0)
    return;
  std::string line = product;
  char word[18];
  for (size_t i = 0; i < kWords; ++i) {
    std::snprintf(word, sizeof(word), " %016llx",
                  static_cast<unsigned long long>(algorithm.data[i]));
    line += word;
  }
  line += "\n";
  if (write(descriptor, line.data(), line.size()) < 0)
    file.clear();
  close(descriptor);
}

} // namespace tpc::runtime
