// Package openssl asks libcrypto, in this process, what it makes of a CMS message: a peer for config/trust that shares
// no code with it. A question costs what the verification costs, not a process, so that a fuzz can ask it every time.
//
// Its tests hold our verdict against libcrypto's on every vector and on forgeries, each signed anew after it was spoilt:
// nothing may be accepted here that libcrypto refuses. It needs libssl-dev and lies under testdata, where "./..." does
// not look, so that the terminal builds without.
package openssl

/*
#cgo pkg-config: libcrypto
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

static X509_STORE *store_of(const unsigned char *anchors, long n, long at) {
	X509_STORE *s = X509_STORE_new();
	const unsigned char *end = anchors + n;
	while (s && anchors < end) {
		X509 *x = d2i_X509(NULL, &anchors, end - anchors);
		if (!x) {
			X509_STORE_free(s);
			return NULL;
		}
		X509_STORE_add_cert(s, x);
		X509_free(x);
	}
	if (s) {
		X509_VERIFY_PARAM *p = X509_STORE_get0_param(s);
		X509_VERIFY_PARAM_set_time(p, at);
		X509_VERIFY_PARAM_set_purpose(p, X509_PURPOSE_ANY);
	}
	return s;
}

// verify returns the content, or NULL and why. The caller frees it.
static BIO *verify(const unsigned char *der, int n, const unsigned char *anchors, long na, long at, unsigned flags, unsigned long *why) {
	ERR_clear_error();
	BIO *in = BIO_new_mem_buf(der, n), *out = BIO_new(BIO_s_mem());
	X509_STORE *s = store_of(anchors, na, at);
	CMS_ContentInfo *c = in ? d2i_CMS_bio(in, NULL) : NULL;
	if (!s || !out || !c || CMS_verify(c, NULL, s, NULL, out, flags) != 1) {
		BIO_free(out);
		out = NULL;
		*why = ERR_peek_error();
	}
	CMS_ContentInfo_free(c);
	X509_STORE_free(s);
	BIO_free(in);
	ERR_clear_error();
	return out;
}

static long bytes_of(BIO *b, char **p) { return BIO_get_mem_data(b, p); }
static void drop(BIO *b) { BIO_free(b); }
*/
import "C"

import (
	"crypto/x509"
	"errors"
	"time"
	"unsafe"
)

// Verify is "openssl cms -verify -binary -cades -purpose any -attime at" with these anchors. It returns the content.
func Verify(der []byte, anchors []*x509.Certificate, at time.Time) ([]byte, error) {
	return verify(der, anchors, at, C.CMS_BINARY|C.CMS_CADES)
}

// VerifyUnchained asks for the signature alone, as for a pinned signer: any certificate in the message will do, and libcrypto
// then leaves signing-certificate-v2 alone too.
func VerifyUnchained(der []byte) ([]byte, error) {
	return verify(der, nil, time.Time{}, C.CMS_BINARY|C.CMS_NO_SIGNER_CERT_VERIFY)
}

func verify(der []byte, anchors []*x509.Certificate, at time.Time, flags C.uint) ([]byte, error) {
	if len(der) == 0 {
		return nil, errors.New("openssl: nothing")
	}
	var roots []byte
	for _, c := range anchors {
		roots = append(roots, c.Raw...)
	}
	var why C.ulong
	out := C.verify((*C.uchar)(&der[0]), C.int(len(der)), (*C.uchar)(unsafe.SliceData(roots)), C.long(len(roots)), C.long(at.Unix()), flags, &why)
	if out == nil {
		return nil, reasonOf(why)
	}
	defer C.drop(out)
	var p *C.char
	n := C.bytes_of(out, &p)
	return C.GoBytes(unsafe.Pointer(p), C.int(n)), nil
}

func reasonOf(why C.ulong) error {
	text := C.ERR_reason_error_string(why)
	if text == nil {
		return errors.New("openssl: refused")
	}
	return errors.New("openssl: " + C.GoString(text))
}
