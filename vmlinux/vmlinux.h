/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * vmlinux.h - the few kernel types that the BPF programs touch, each with the
 * few members they read. Trimmed by hand instead of dumped by bpftool: the
 * build then needs neither BTF nor a network, reviewers see which kernel
 * fields we depend on, and the order of members means nothing: CO-RE finds
 * them by name in the running kernel's BTF.
 *
 * `foo___suffix` is a flavour: libbpf matches it with the kernel's `foo`.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u16 __sum16;
typedef __u32 __wsum;
typedef _Bool bool;

enum { false = 0, true = 1 };

/* The corners of the BPF user ABI (include/uapi/linux/bpf.h) we stand on. */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_LPM_TRIE = 11,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_NO_PREALLOC = 1,
	BPF_F_MMAPABLE = 1024,
	BPF_SK_STORAGE_GET_F_CREATE = 1,
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
	BPF_RB_AVAIL_DATA = 0,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

enum bpf_func_id {
	BPF_FUNC_ktime_get_tai_ns = 208,
};

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	__s64 counter;
} atomic64_t;

typedef struct {
	atomic_t refs;
} refcount_t;

typedef struct {
	atomic64_t refcnt;
} file_ref_t;

typedef struct {
	__u32 val;
} kuid_t;

struct timer_list {
	unsigned long expires;
};

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
};

struct ns_common {
	unsigned int inum;
};

struct inet_timewait_death_row {
	refcount_t tw_refcount;
	int sysctl_max_tw_buckets;
};

/* Embedded since Linux 6.1 (4461568aa4e5, "tcp: Access &tcp_hashinfo via net");
 * a pointer before, where the member path does not match. */
struct netns_ipv4 {
	struct inet_timewait_death_row tcp_death_row;
	__u8 sysctl_tcp_syncookies;
	__u8 sysctl_tcp_abort_on_overflow;
	__u8 sysctl_tcp_syn_retries;
	__u8 sysctl_tcp_synack_retries;
	__u8 sysctl_tcp_retries2;
	__u8 sysctl_tcp_orphan_retries;
	__u8 sysctl_tcp_migrate_req;
	int sysctl_max_syn_backlog;
	int sysctl_tcp_keepalive_intvl;
	__u8 sysctl_tcp_keepalive_probes;
};

/* Since Linux 6.5. */
struct netns_ipv4___linear {
	__u8 sysctl_tcp_syn_linear_timeouts;
};

struct linux_mib {
	unsigned long mibs[1];	/* one for each counter; this many says nothing */
};

struct netns_mib {
	struct linux_mib *net_statistics;	/* per CPU */
};

struct netns_core {
	int sysctl_somaxconn;
};

struct net {
	struct ns_common ns;
	struct netns_mib mib;
	struct netns_core core;
	struct netns_ipv4 ipv4;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct sock_common {
	union {
		struct {
			__be32 skc_daddr;
			__be32 skc_rcv_saddr;
		};
	};
	union {
		struct {
			__be16 skc_dport;
			__u16 skc_num;
		};
	};
	unsigned short skc_family;
	volatile unsigned char skc_state;
	int skc_bound_dev_if;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
	union {
		unsigned long skc_flags;
		struct sock *skc_listener;	/* of a request */
	};
	refcount_t skc_refcnt;
};

struct inode {
	unsigned short i_mode;
};

struct file {
	void *private_data;
	struct inode *f_inode;
};

/* f_count until Linux 6.12; f_ref since (90ee6ed776c0, "fs: port files to
 * file_ref"). */
struct file___f_count {
	atomic64_t f_count;
};

struct file___f_ref {
	file_ref_t f_ref;
};

struct socket {
	struct file *file;
	struct sock *sk;
};

struct sock {
	struct sock_common __sk_common;
	struct socket *sk_socket;
	struct {
		int owned;
	} sk_lock;
	kuid_t sk_uid;
	__u16 sk_protocol;
	atomic_t sk_drops;
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
	__u8 sk_shutdown;
	__u8 sk_userlocks : 4;	/* without a width since Linux 6.9 */
	int sk_err;
	int sk_err_soft;
	unsigned long sk_lingertime;
	struct sock_cgroup_data sk_cgrp_data;
	int sk_wmem_queued;
	int sk_sndbuf;
	int sk_rcvbuf;
	struct {
		atomic_t rmem_alloc;
	} sk_backlog;
	struct timer_list sk_timer;	/* keepalive's, where the next has none */
};

/* Since Linux 7.0. */
struct inet_connection_sock___keepalive {
	struct timer_list icsk_keepalive_timer;
};

/* Since Linux 6.18. */
struct numa_drop_counters {
	atomic_t drops0;
	atomic_t drops1;
};

struct sock___numa_drops {
	struct numa_drop_counters *sk_drop_counters;
};

struct sock___rx_ifindex {
	int sk_rx_dst_ifindex;
};

struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
};

struct request_sock;
/* Since Linux 6.8; two numbers before, as which it does not match. */
struct inet_sock___own_range {
	__u32 local_port_range;
};

struct request_sock_queue {
	atomic_t qlen;
	__u8 rskq_defer_accept;
	struct request_sock *rskq_accept_head;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	struct request_sock_queue icsk_accept_queue;
	__u32 icsk_rto;
	__u8 icsk_ca_state : 5;
	__u8 icsk_retransmits;
	__u8 icsk_backoff;
	__u8 icsk_syn_retries;
	__u32 icsk_user_timeout;
	__u8 icsk_pending;
	__u8 icsk_probes_out;
	__u32 icsk_probes_tstamp;
	struct {
		__u32 lrcvtime;
	} icsk_ack;
};

/* When the next retransmission or probe is due: until Linux 6.19, then, and since 7.0. */
struct inet_connection_sock___timeout {
	unsigned long icsk_timeout;
};

struct inet_connection_sock___timer {
	struct timer_list icsk_retransmit_timer;
};

struct sock___timer {
	struct timer_list tcp_retransmit_timer;
};

/* Since Linux 6.15; TCP_RTO_MAX before. */
struct inet_connection_sock___rto_max {
	__u32 icsk_rto_max;
};

struct minmax_sample {
	__u32 t;
	__u32 v;
};

struct minmax {
	struct minmax_sample s[3];
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 segs_out;
	__u32 data_segs_in;
	__u32 snd_una;
	__u32 write_seq;
	__u32 rcv_nxt;
	__u32 copied_seq;
	int linger2;
	__u32 segs_in;
	__u32 retrans_out;
	__u32 total_retrans;
	__u64 bytes_sent;
	__u64 bytes_retrans;
	__u64 bytes_received;
	__u32 srtt_us;
	struct minmax rtt_min;
	__u32 chrono_start;
	__u32 chrono_stat[3];
	__u8 chrono_type : 2;
	__u8 tcp_usec_ts : 1;
	__u32 retrans_stamp;
	__u32 lsndtime;
	__u32 rcv_tstamp;
	__u32 snd_nxt;
	__u32 rcv_wup;
	__u32 rcv_wnd;
	__u32 snd_wnd;
	__u32 mss_cache;
	unsigned int keepalive_intvl;
	__u8 keepalive_probes;
	struct request_sock *fastopen_rsk;
};

/* Only with CONFIG_MPTCP. */
struct tcp_sock___mptcp {
	bool is_mptcp;
};

struct request_sock {
	struct sock_common __req_common;
	struct request_sock *dl_next;
	__u8 num_retrans;
	__u8 num_timeout : 7;
	struct timer_list rsk_timer;
	struct sock *sk;
};

/* Since Linux 5.17 (5903123f662e); TCP_TIMEOUT_INIT before. */
struct request_sock___timeout {
	__u32 timeout;
};

struct inet_request_sock {
	struct request_sock req;
	__u16 acked : 1;
};

struct tcp_request_sock {
	struct inet_request_sock req;
	__u32 rcv_isn;
	__u32 snt_isn;
	__u64 snt_synack;
};

/* With CONFIG_MPTCP alone. */
struct tcp_request_sock___mptcp {
	bool is_mptcp;
};

struct inet_timewait_sock {
	struct sock_common __tw_common;
	volatile unsigned char tw_substate;
	__be16 tw_sport;
	struct timer_list tw_timer;
};

struct net_device {
	possible_net_t nd_net;
};

struct sk_buff {
	unsigned char *head;
	unsigned char *data;
	struct sock *sk;
	struct net_device *dev;
	int skb_iif;
	__be16 protocol;
	__u16 transport_header;
	__u16 network_header;
};

/* Their layouts are the wire's (RFC 791, RFC 8200, RFC 9293). */
struct iphdr {
	__be32 saddr;
};

struct ipv6hdr {
	struct in6_addr saddr;
};

struct tcphdr {
	__be16 source;
	__be32 seq;
};

enum skb_drop_reason {
	SKB_DROP_REASON_NOT_SPECIFIED = 2,
	SKB_DROP_REASON_NO_SOCKET = 3,
	SKB_DROP_REASON_SOCKET_FILTER = 5,
	SKB_DROP_REASON_OTHERHOST = 13,
	SKB_DROP_REASON_TCP_FLAGS = 30,
	SKB_DROP_REASON_TCP_LISTEN_OVERFLOW = 40,
	SKB_DROP_REASON_TCP_RESET = 45,
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct rlimit {
	unsigned long rlim_cur;
	unsigned long rlim_max;
};

struct signal_struct {
	atomic_t live;
	struct rlimit rlim[16];
};

struct nsproxy {
	struct net *net_ns;
};

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	struct signal_struct *signal;
	struct task_struct *group_leader;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	char comm[16];
};

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
};

struct bpf_iter__task_file {
	union {
		struct bpf_iter_meta *meta;
	};
	union {
		struct task_struct *task;
	};
	__u32 fd;
	union {
		struct file *file;
	};
};

struct bpf_map;

struct bpf_array {
	void *pptrs[1];		/* of a per-CPU array; this many says nothing */
};

struct bpf_iter__bpf_map_elem {
	union {
		struct bpf_iter_meta *meta;
	};
	union {
		struct bpf_map *map;
	};
	union {
		void *key;
	};
	union {
		void *value;
	};
};

struct bpf_iter__bpf_sk_storage_map {
	union {
		struct bpf_iter_meta *meta;
	};
	union {
		struct bpf_map *map;
	};
	union {
		struct sock *sk;
	};
	union {
		void *value;
	};
};

#pragma clang attribute pop

/* The layout of syscalls:sys_exit_*, fixed by the ABI of tracepoints:
 * an 8-byte common header, the number, the result. */
struct sys_exit_args {
	__u64 common;
	long nr;
	long ret;
};

/* Of programs that see packets, and a connection's ends there (include/uapi/linux/bpf.h). */
struct __sk_buff {
	__u32 len;
};

struct bpf_sock_tuple {
	union {
		struct {
			__be32 saddr;
			__be32 daddr;
			__be16 sport;
			__be16 dport;
		} ipv4;
		struct {
			__be32 saddr[4];
			__be32 daddr[4];
			__be16 sport;
			__be16 dport;
		} ipv6;
	};
};

/* bpf_tracing.h's PT_REGS_* need the registers that carry arguments. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
} __attribute__((preserve_access_index));
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31], sp, pc, pstate;
} __attribute__((preserve_access_index));
struct pt_regs {
	union {
		struct user_pt_regs user_regs;
	};
	int syscallno;
} __attribute__((preserve_access_index));
#endif

#endif /* __VMLINUX_H__ */
