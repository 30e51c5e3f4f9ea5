/* Secrets: references in connection documents, and the program's encrypted store.
 *
 * ${env:NAME}, ${file:PATH} (relative to the project; regular file, one trailing newline dropped), ${secret:NAME}. A
 * literal is used as it is. A reference may be part of a longer text. Resolved values are registered with log_hide. The
 * store is `dir`/.sluice/secrets.json: each value sealed with XChaCha20-Poly1305 (libsodium), its name as associated
 * data. The key lives outside the project: $CREDENTIALS_DIRECTORY/sluice-key, else $SLUICE_KEY_FILE, else
 * $XDG_CONFIG_HOME (~/.config)/sluice/key, made with mode 0600 on first use. */
#ifndef PROJECT_SECRET_H
#define PROJECT_SECRET_H

#include "base/arena.h"
#include "base/conf.h"
#include "base/diag.h"

/* Resolves one value into `a`. ERR_SECRET names the reference and what to do, never a value. */
enum err secret_resolve(const char *project_dir, struct str text, struct arena *a, struct str *ret,
                        struct errinfo *ei) MUST_USE;
/* True when the text has a reference in it (so it is not a literal secret). Malformed references are errors in `diags`.
 */
bool secret_is_reference(struct str text, struct pos pos, struct diags *diags);
/* The references of a text as they are written ("${env:NAME}"), and what stands outside of them; both in `a`. False
 * when it holds a "${" that is no reference. */
bool secret_references(struct str text, struct arena *a, struct strs *ret, struct str *ret_outside);
/* Masks a value in everything that is logged: for literals of options that are marked secret. Shorter than 4 bytes:
 * not. */
void secret_hide(struct str value);
/* Seals the value (1 byte to 64 KiB, one line) under a name (project_name_ok); an earlier value is replaced. The key is
 * made when there is none and nothing was sealed before. */
enum err secret_set(const char *project_dir, struct str name, struct str value, struct errinfo *ei) MUST_USE;
enum err secret_remove(const char *project_dir, struct str name,
                       struct errinfo *ei) MUST_USE; /* ERR_USAGE when there is none */
enum err secret_list(const char *project_dir, struct arena *a, struct str **ret_names, size_t *ret_n,
                     struct errinfo *ei) MUST_USE;

#endif
