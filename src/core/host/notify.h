/* Tells the service manager how we are (sd_notify(3)), without its library. */
#ifndef HM_HOST_NOTIFY_H
#define HM_HOST_NOTIFY_H

/* Sends "READY=1" and the like to $NOTIFY_SOCKET. HM_ENOTFOUND: there is none, which is no fault.
 */
int hm_notify(const char *state);

#endif
