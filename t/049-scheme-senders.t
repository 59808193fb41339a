use lib 't/lib';
use WebhookTest 'no_plan';

# conf/webhook_schemes.conf: each sender's signature as Perl's own modules make
# it, and what is refused.

use Crypt::PK::ECC ();
use Crypt::PK::Ed25519 ();
use Cwd qw(abs_path);
use Digest::SHA qw(hmac_sha1 hmac_sha256 hmac_sha512);
use MIME::Base64 qw(decode_base64 encode_base64);
use POSIX qw(strftime);
use SignatureTest;

our $Conf = abs_path('conf/webhook_schemes.conf');
our $Host = 'hooks.example.com';

our $Ed25519 = Crypt::PK::Ed25519->new->generate_key;
our $Ec = Crypt::PK::ECC->new->generate_key('secp256r1');

sub hex_of { unpack 'H*', $_[0] }
sub b64 { encode_base64($_[0], '') }
sub url { "https://$Host/sender/$_[0]/?a=%20b" }
sub rfc3339 { strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]) }

our $Secret = 'hush of a sender';
our $Encoded = b64($Secret . ' in base64');

# Only the body is signed: in hex, by HMAC-SHA256, with this before it.
sub plain {
    my ($header, $prefix, $encode) = @_;

    return sub {
        my ($body) = @_;
        return ($header => ($prefix // '')
                           . ($encode // \&hex_of)
                             ->(hmac_sha256($body, $Secret)));
    };
}

# The timestamp is in a header of its own, and signed before the body.
sub items {
    my ($header, $time, $signature, $between, $separator, $factor) = @_;

    return sub {
        my ($body, $now) = @_;
        $now *= $factor // 1;
        return ($header => "$time=$now$separator$signature="
                           . hex_of(hmac_sha256("$now$between$body",
                                                $Secret)));
    };
}

# By sender: a sub that makes the headers, and the secret if it is another one.
our %Sender = (
    airtable => [sub {
        ('X-Airtable-Content-MAC' => 'hmac-sha256='
         . hex_of(hmac_sha256($_[0], decode_base64($Encoded))))
    }, $Encoded],
    asana => [plain('X-Hook-Signature')],
    bitbucket => [plain('X-Hub-Signature', 'sha256=')],
    box => [sub {
        my $at = rfc3339($_[1]) =~ s/Z$/-00:00/r;
        ('BOX-DELIVERY-TIMESTAMP' => $at,
         'BOX-SIGNATURE-PRIMARY' => b64(hmac_sha256("$_[0]$at", $Secret)))
    }],
    box_secondary => [sub {
        my $at = rfc3339($_[1] - 7 * 3600) =~ s/Z$/-07:00/r;
        ('BOX-DELIVERY-TIMESTAMP' => $at,
         'BOX-SIGNATURE-SECONDARY' => b64(hmac_sha256("$_[0]$at", $Secret)))
    }],
    buildkite => [items('X-Buildkite-Signature', 'timestamp', 'signature', '.',
                        ',')],
    cal => [plain('X-Cal-Signature-256')],
    calendly => [items('Calendly-Webhook-Signature', 't', 'v1', '.', ',')],
    circleci => [plain('circleci-signature', 'v1=')],
    clickup => [plain('X-Signature')],
    cloudflare_stream => [items('Webhook-Signature', 'time', 'sig1', '.', ',')],
    coinbase => [plain('X-CC-Webhook-Signature')],
    discord => [sub {
        ('X-Signature-Timestamp' => $_[1],
         'X-Signature-Ed25519' =>
         hex_of($Ed25519->sign_message("$_[1]$_[0]")))
    }, hex_of($Ed25519->export_key_raw('public'))],
    docusign => [plain('X-DocuSign-Signature-1', '', \&b64)],
    dropbox => [plain('X-Dropbox-Signature')],
    forgejo => [plain('X-Forgejo-Signature')],
    gitea => [plain('X-Gitea-Signature')],
    gocardless => [plain('Webhook-Signature')],
    grafana => [plain('X-Grafana-Alerting-Signature')],
    heroku => [plain('Heroku-Webhook-Hmac-SHA256', '', \&b64)],
    hubspot => [sub {
        my $now = $_[1] * 1000 + 7;
        ('X-HubSpot-Request-Timestamp' => $now,
         'X-HubSpot-Signature-v3' =>
         b64(hmac_sha256('POST' . url('hubspot') . "$_[0]$now", $Secret)))
    }],
    intercom => [sub {
        ('X-Hub-Signature' => 'sha1=' . hex_of(hmac_sha1($_[0], $Secret)))
    }],
    intuit => [plain('intuit-signature', '', \&b64)],
    launchdarkly => [plain('X-LD-Signature')],
    lemonsqueezy => [plain('X-Signature')],
    line => [plain('x-line-signature', '', \&b64)],
    linear => [plain('Linear-Signature')],
    meta => [plain('X-Hub-Signature-256', 'sha256=')],
    mux => [items('Mux-Signature', 't', 'v1', '.', ',')],
    notion => [plain('X-Notion-Signature', 'sha256=')],
    paddle => [items('Paddle-Signature', 'ts', 'h1', ':', ';')],
    pagerduty => [sub {
        ('X-PagerDuty-Signature' => 'v1=' . '0' x 64 . ',v1='
         . hex_of(hmac_sha256($_[0], $Secret)))
    }],
    paystack => [sub {
        ('x-paystack-signature' => hex_of(hmac_sha512($_[0], $Secret)))
    }],
    razorpay => [plain('X-Razorpay-Signature')],
    sendgrid => [sub {
        ('X-Twilio-Email-Event-Webhook-Timestamp' => $_[1],
         'X-Twilio-Email-Event-Webhook-Signature' =>
         b64($Ec->sign_message("$_[1]$_[0]", 'SHA256')))
    }, b64($Ec->export_key_der('public'))],
    sentry => [plain('Sentry-Hook-Signature')],
    sonarqube => [plain('X-Sonar-Webhook-HMAC-SHA256')],
    square => [sub {
        ('x-square-hmacsha256-signature' =>
         b64(hmac_sha256(url('square') . $_[0], $Secret)))
    }],
    svix => [sub {
        ('svix-id' => 'msg_1', 'svix-timestamp' => $_[1],
         'svix-signature' => 'v1a,AAAA v1,'
         . b64(hmac_sha256("msg_1.$_[1].$_[0]", decode_base64($Encoded))))
    }, "whsec_$Encoded"],
    telnyx => [sub {
        ('telnyx-timestamp' => $_[1],
         'telnyx-signature-ed25519' =>
         b64($Ed25519->sign_message("$_[1]|$_[0]")))
    }, b64($Ed25519->export_key_raw('public'))],
    terraform => [sub {
        ('X-TFE-Notification-Signature' => hex_of(hmac_sha512($_[0], $Secret)))
    }],
    trello => [sub {
        ('X-Trello-Webhook' => b64(hmac_sha1($_[0] . url('trello'), $Secret)))
    }],
    twitch => [sub {
        my $at = rfc3339($_[1]) =~ s/Z$/.634234626Z/r;
        ('Twitch-Eventsub-Message-Id' => 'e76c6bd4-55c9-4987-8304-da1588d8988b',
         'Twitch-Eventsub-Message-Timestamp' => $at,
         'Twitch-Eventsub-Message-Signature' => 'sha256='
         . hex_of(hmac_sha256("e76c6bd4-55c9-4987-8304-da1588d8988b$at$_[0]",
                              $Secret)))
    }],
    typeform => [plain('Typeform-Signature', 'sha256=', \&b64)],
    vercel => [sub {
        ('x-vercel-signature' => hex_of(hmac_sha1($_[0], $Secret)))
    }],
    woocommerce => [plain('X-WC-Webhook-Signature', '', \&b64)],
    workos => [items('WorkOS-Signature', 't', 'v1', '.', ', ', 1000)],
    x => [plain('x-twitter-webhooks-signature', 'sha256=', \&b64)],
    xero => [plain('x-xero-signature', '', \&b64)],
    zendesk => [sub {
        my $at = rfc3339($_[1]);
        ('X-Zendesk-Webhook-Signature-Timestamp' => $at,
         'X-Zendesk-Webhook-Signature' =>
         b64(hmac_sha256("$at$_[0]", $Secret)))
    }],
    zoom => [sub {
        ('x-zm-request-timestamp' => $_[1],
         'x-zm-signature' => 'v0='
         . hex_of(hmac_sha256("v0:$_[1]:$_[0]", $Secret)))
    }],
);

our $Locations = join '', map {
    my $secret = $Sender{$_}[1] // $Secret;
    location("/sender/$_/", "webhook signed; webhook_signature $_ \"$secret\";")
} sort keys %Sender;

# What the file itself says: the header that a refusal names, and whether there
# is a timestamp.
our (@Names, %Header, %Timed);

open my $conf, '<', $Conf or die "$Conf: $!";
while (<$conf>) {
    push @Names, $1 if /^webhook_scheme (\S+) \{$/;
    $Header{$Names[-1]} = $1 if /^    signature\s+([^\s;]+)/;
    $Timed{$Names[-1]} = 1 if /^    timestamp\s/;
}

sub cases {
    my ($sender) = @_;
    my ($make) = @{$Sender{$sender}};
    my $body = '{"from":"' . $sender . '"}';
    my @now = $make->($body, time);
    my @host = (Host => $Host);
    my $refused = sub { refused($Header{$sender}, "$_[0]_signature") };

    my @other = do {
        local $Secret = 'hush';
        local $Encoded = b64('hush' x 9);
        local $Ed25519 = Crypt::PK::Ed25519->new->generate_key;
        local $Ec = Crypt::PK::ECC->new->generate_key('secp256r1');
        $make->($body, time);
    };

    return (
        ['as it is', accepted($body), $body, @host, @now],
        ['another body', $refused->('invalid'), "$body ", @host, @now],
        ['another secret', $refused->('invalid'), $body, @host, @other],
        (map {
            my @less = @now;
            my ($name) = splice @less, 2 * $_, 2;
            ["without $name", $refused->('missing'), $body, @host, @less];
        } 0 .. $#now / 2),
        !$Timed{$sender} ? ()
            : ['an hour ago', $refused->('stale'), $body, @host,
               $make->($body, time - 3600)],
    );
}

no_shuffle();
repeat_each(1);
run_tests();

__DATA__

=== TEST 1: each sender has a signature that is valid, and some that are not
--- http_config eval: "include $::Conf;\n"
--- config eval: $::Locations
--- client eval
sub {
    my $is = shift;

    for my $sender (sort keys %::Sender) {
        ::ask($is, "/sender/$sender/?a=%20b", ::cases($sender));
    }
}



=== TEST 2: there is no sender without a test, and nobody twice
--- http_config eval: "include $::Conf;\n"
--- client eval
sub {
    my $is = shift;

    $is->("@::Names", CORE::join(' ', sort keys %::Sender), 'the names, in order');
}



=== TEST 3: the file is included once
--- http_config eval: "include $::Conf;\ninclude $::Conf;\n"
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_scheme airtable" is duplicate: use another name in \S+/webhook_schemes\.conf:\d+$}
