use lib 't/lib';
use WebhookTest 'no_plan';

# Events that the senders' own packages have signed or verified, as
# t/data/vectors.js made them.

use Cwd qw(abs_path);
use Encode qw(encode_utf8);
use JSON::PP qw(decode_json);
use SignatureTest;

our $Conf = abs_path('conf/webhook_schemes.conf');

open my $file, '<', 't/data/vectors.json' or die "t/data/vectors.json: $!";
our $Made = decode_json(do { local $/; <$file> });
our $Body = encode_utf8($Made->{body});

our %Vector = %{$Made->{vectors}};

# Square's have no timestamp, and so no tolerance.
our $Locations = join '', map {
    my $tolerance = /square/ ? '' : 'tolerance=36500d';
    location("= /$_", "webhook signed; "
                      . "webhook_signature $_ \"$Vector{$_}{secret}\" "
                      . "$tolerance;")
} sort keys %Vector;

sub cases {
    my ($sender) = @_;
    my %headers = %{$Vector{$sender}{headers}};
    my @host = (Host => $Made->{host});
    my ($signed) = grep { /(?:Signature|Ed25519)$/i } keys %headers;

    $signed = $sender if $sender eq 'standard';   # which is built in

    return (
        ['as it is', accepted($Body), $Body, @host, %headers],
        ['another body', refused($signed, 'invalid_signature'), "$Body ", @host,
         %headers],
    );
}

no_shuffle();
repeat_each(1);
run_tests();

__DATA__

=== TEST 1: what the packages of senders have signed, or verified
--- http_config eval: "include $::Conf;\n"
--- config eval: $::Locations
--- client eval
sub {
    my $is = shift;

    for my $sender (sort keys %::Vector) {
        ::ask($is, "/$sender", ::cases($sender));
    }
}
