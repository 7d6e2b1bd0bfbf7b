/* Failures: what went wrong inside, never what is told to a peer (that is enum hm_status).
 * A function that can fail returns 0 or one of these; HM_PENDING says that the answer comes later.
 */
#ifndef HM_BASE_ERR_H
#define HM_BASE_ERR_H

#define HM_ERRORS(X)                                                                               \
	X(HM_EMALFORMED, -1, "malformed")                                                          \
	X(HM_ENOMEM, -2, "out of memory")                                                          \
	X(HM_EFULL, -3, "a configured ceiling is reached")                                         \
	X(HM_ENOTFOUND, -4, "not found")                                                           \
	X(HM_EIO, -5, "input or output error")                                                     \
	X(HM_EPERM, -6, "permission denied")                                                       \
	X(HM_EBUSY, -7, "busy")                                                                    \
	X(HM_EUNSUPPORTED, -8, "not supported here")                                               \
	X(HM_ECONFIG, -9, "configuration error")                                                   \
	X(HM_EMISSING, -10, "something needed is missing")                                         \
	X(HM_ESTORE, -11, "the store cannot be read or written")                                   \
	X(HM_EAUTH, -12, "authentication failed")                                                  \
	X(HM_ENOKEY, -13, "no key")                                                                \
	X(HM_EUNREACH, -14, "unreachable")                                                         \
	X(HM_ENODEV, -15, "no such interface")                                                     \
	X(HM_EEXIST, -16, "exists already")                                                        \
	X(HM_ETOOBIG, -17, "too big")

enum hm_err {
	HM_OK = 0,
	HM_PENDING = 1,
#define HM_ERROR_ENUM(name, value, text) name = value,
	HM_ERRORS(HM_ERROR_ENUM)
#undef HM_ERROR_ENUM
};

/* A short English text, never NULL. */
const char *hm_err_text(int err);

#endif
