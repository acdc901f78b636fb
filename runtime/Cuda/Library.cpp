#include "Cuda/Library.h"
#include "tpc/runtime/Error.h"
#include <cstdlib>
#include <dlfcn.h>

namespace tpc::runtime {

Library::Library(std::string givenName, std::string givenWanted, std::string givenRemedy,
                 const char *override, const std::vector<std::string> &files)
    : name(std::move(givenName)), wanted(std::move(givenWanted)), remedy(std::move(givenRemedy)) {
  const char *chosen = std::getenv(override);
  std::string tried;
  for (const std::string &candidate : chosen ? std::vector<std::string>{chosen} : files) {
    handle = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle) {
      file = candidate;
      return;
    }
    const char *reason = dlerror();
    tried += "\n  " + candidate + ": " + (reason ? reason : "unknown error");
  }
  throw Error("no " + name + " found on " + hostName() + ", wanted is " + wanted + ": " + remedy +
              ", or set " + override + " to the library's path; tried" + tried);
}

void *Library::find(const char *symbol) const { return dlsym(handle, symbol); }

void *Library::get(const char *symbol) const {
  void *address = find(symbol);
  if (!address)
    reject(std::string("it has no ") + symbol);
  return address;
}

void Library::reject(const std::string &reason) const {
  throw Error(describe() + " on " + hostName() + " is of no use: " + reason + "; wanted is " +
              wanted + ": " + remedy);
}

} // namespace tpc::runtime
