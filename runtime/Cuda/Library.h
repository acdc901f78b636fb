// Libraries opened when a program runs: an executable must start, and say what is missing, where
// they are not installed.
#ifndef TPC_RUNTIME_CUDA_LIBRARY_H
#define TPC_RUNTIME_CUDA_LIBRARY_H

#include <string>
#include <vector>

namespace tpc::runtime {

/// A shared object, open until the process ends.
class Library {
public:
  /// `name`: "NCCL". `wanted`: "2.18 or newer". `remedy`: what to install. The file is the value of
  /// the variable `override`, if that is set, else the first of `files` that the dynamic loader
  /// finds. Throws Error "no NCCL on HOST: ... wanted ...; REMEDY; tried ..." if there is none.
  Library(std::string name, std::string wanted, std::string remedy, const char *override,
          const std::vector<std::string> &files);

  /// "NCCL (libnccl.so.2)".
  std::string describe() const { return name + " (" + file + ")"; }

  /// Sets `function` to the symbol. Throws Error naming library, symbol, version wanted and remedy.
  template <typename Function>
  void load(Function *&function, const char *symbol) const {
    function = reinterpret_cast<Function *>(get(symbol));
  }
  /// The same, null if the library has no such symbol.
  template <typename Function>
  void loadIfThere(Function *&function, const char *symbol) const {
    function = reinterpret_cast<Function *>(find(symbol));
  }
  /// Throws Error: the library is there, `reason` says why it does not do.
  [[noreturn]] void reject(const std::string &reason) const;

private:
  void *find(const char *symbol) const;
  void *get(const char *symbol) const;

  std::string name, wanted, remedy, file;
  void *handle = nullptr;
};

} // namespace tpc::runtime

#endif
