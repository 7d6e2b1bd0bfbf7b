/* The mobile host's and the correspondent's packets, in the kernel: hm_host_out at the egress of
 * the tunnels' device, hm_host_in at the ingress of real interfaces. PROTOCOL 7; the rules are
 * those of tunnel-tun/path.c. Either decides first and changes a packet only when it can handle it
 * to the end: what it cannot goes on untouched, to the embedded data plane.
 *
 * Checksums of upper layers are over the home addresses and stay valid (wire/routeopt.h), finished
 * or not. Super-packets stay super-packets: headers go in front of all segments alike. */
#include "host_in.bpf.h"
#include "host_out.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
