use strict;
use warnings;

use lib 't/lib';
use NginxProcess;

# Signatures that the senders' own libraries make are accepted, and refused
# with another body.  The libraries come from npm; without node, npm or its
# registry there is nothing to test.

use Answers qw(echo problem);
use Digest::SHA qw(hmac_sha256);
use MIME::Base64 qw(decode_base64 encode_base64);
use Npm;
use Test::More;

# "hush" is in every secret.
my %Secret = (
    standardwebhooks => ['whsec_' . 'hush' x 8, 'whsec_' . 'HUSHhush' x 10],
    svix => ['whsec_' . 'SvixHUSH' x 5, 'whsec_' . 'HUSHsvix' x 4],
    '@octokit/webhooks-methods' => ['hush of octokit', "hush \xc3\xa9"],
    stripe => ['whsec_hush', 'whsec_newer_hush'],
);

my %Scheme = (
    standardwebhooks => 'standard',
    svix => 'standard',
    '@octokit/webhooks-methods' => 'github',
    stripe => 'stripe',
);

my %Challenge = (standard => 'Webhook-Signature',
                 github => 'X-Hub-Signature-256', stripe => 'Stripe-Signature');


# --- the libraries ----------------------------------------------------------

if (my $why = Npm::missing()) {
    plan(skip_all => $why);
}


# --- nginx ------------------------------------------------------------------

my $nginx = NginxProcess->new(name => 'clients');
my ($location, %Path) = ('');

for my $name (sort keys %Npm::Version) {
    $Path{$name} = '/' . $name =~ s/\W+/-/gr;

    my $secrets = join ' ', map { "\"$_\"" } @{$Secret{$name}};

    $location .= <<"END";
    location = $Path{$name} {
        webhook            signed;
        webhook_signature  $Scheme{$name} "$Secret{$name}[0]";
        client_body_buffer_size 1k;
        proxy_pass         http://127.0.0.1:${\ NginxProcess::port(1)};
    }

    location = $Path{$name}-both {
        webhook            signed;
        webhook_signature  $Scheme{$name} $secrets;
        proxy_pass         http://127.0.0.1:${\ NginxProcess::port(1)};
    }
END
}

$nginx->configure(http => <<"END");
client_max_body_size 8m;

server {
    listen 127.0.0.1:${\ NginxProcess::port(0)};
$location
}

${\ echo(port => NginxProcess::port(1))}
END

$nginx->start;

my $signer = Npm->start('sign');

# The headers that the library makes, or nothing if it does not work here.
my %Error;

sub sign {
    my ($name, $secret, $body, $age) = @_;
    $age //= 0;

    my $answer = $signer->ask({name => $name, age => $age,
                               secret => encode_base64($secret, ''),
                               body => encode_base64($body, '')});

    return @$answer if ref $answer eq 'ARRAY';

    $Error{$name} = $answer->{error};
    return;
}

sub post {
    my ($path, $body, @header) = @_;
    return NginxProcess::Client->new->request(POST => $path, $body, @header);
}

sub refused {
    my ($answer, $name, $reason, $what) = @_;

    is_deeply([$answer->{status}, $answer->{headers}{'www-authenticate'},
               $answer->{body}],
              [401, $Challenge{$Scheme{$name}},
               problem($reason)],
              "$name: $what");
}

my $Large = '{"text":"' . join(' ', 1 .. 100000) . "\"}\n";

for my $name (sort keys %Npm::Version) {
    SKIP: {
        my ($old, $new) = @{$Secret{$name}};

        sign($name, $old, 'x')
            or skip "$name $Npm::Version{$name} does not run here: $Error{$name}", 1;

        # the libraries take text
        for my $body ('{"event":"ping"}', "caf\xc3\xa9 \xf0\x9f\x98\x80\r\n",
                      ' ', "a\0b", 'a' x 64, $Large)
        {
            my @header = sign($name, $old, $body);
            my $what = length($body) > 40 ? length($body) . ' bytes'
                       : $body =~ s/[^ -~]/./gr;

            my $answer = post($Path{$name}, $body, @header);
            is($answer->{status}, 200, "$name: $what");
            ok($answer->{body} eq $body, "$name: $what, as it was sent");

            # one bit
            my $changed = $body;
            vec($changed, 8 * (length($body) >> 1), 1) ^= 1;

            refused(post($Path{$name}, $changed, @header), $name,
                    'invalid_signature', "$what, changed");
            refused(post($Path{$name}, "$body\n", @header), $name,
                    'invalid_signature', "$what, and one more");
        }

        # a secret is being replaced
        my @old = sign($name, $old, '{}');
        my @new = sign($name, $new, '{}');

        is(post("$Path{$name}-both", '{}', @old)->{status}, 200,
           "$name: the old secret");
        is(post("$Path{$name}-both", '{}', @new)->{status}, 200,
           "$name: the new secret");
        refused(post($Path{$name}, '{}', @new), $name, 'invalid_signature',
                'another secret');

        next if $Scheme{$name} eq 'github';

        is(post($Path{$name}, '{}', sign($name, $old, '{}', 200))->{status},
           200, "$name: as old as may be");
        is(post($Path{$name}, '{}', sign($name, $old, '{}', -200))->{status},
           200, "$name: not too new");
        refused(post($Path{$name}, '{}', sign($name, $old, '{}', 400)), $name,
                'stale_signature', 'too old');
        refused(post($Path{$name}, '{}', sign($name, $old, '{}', -400)), $name,
                'stale_signature', 'too new');
    }
}

$signer->end;


# --- the other direction ----------------------------------------------------

# The verifier accepts what is signed as it should be, and nothing else: for the
# tests of what nginx signs.

my $verifier = Npm->start('verify');

for my $name (qw(standardwebhooks svix)) {
    my ($secret, $other) = @{$Secret{$name}};
    my $body = qq({"event":"caf\xc3\xa9"}\n);

    # the answer to a signature of that, with something else said of it
    my $verified = sub {
        my %said = @_;
        my %sent = (id => 'msg_1', timestamp => time, body => $body,
                    secret => $secret);
        my $mac = hmac_sha256("$sent{id}.$sent{timestamp}.$body",
                              decode_base64(substr $secret, 6));

        %sent = (name => $name, signature => 'v1,' . encode_base64($mac, ''),
                 %sent, %said);
        $sent{$_} = encode_base64($sent{$_}, '') for qw(body secret);

        my $answer = $verifier->ask(\%sent);
        return $answer->{ok} ? 'ok' : $answer->{error};
    };

    SKIP: {
        my $answer = $verified->();

        skip "$name does not run here: $answer", 1
            if $answer =~ /^no package/;

        is($answer, 'ok', "$name verifies");
        is($verified->(id => 'msg_2'), 'No matching signature found',
           "$name: another id");
        is($verified->(timestamp => time - 1), 'No matching signature found',
           "$name: another time");
        is($verified->(body => "$body "), 'No matching signature found',
           "$name: another body");
        is($verified->(secret => $other), 'No matching signature found',
           "$name: another secret");
        is($verified->(signature => 'v1,x'), 'No matching signature found',
           "$name: another signature");
        is($verified->(timestamp => time - 400), 'Message timestamp too old',
           "$name: too old");
        is($verified->(signature => undef), 'Missing required headers',
           "$name: no signature");
    }
}

$verifier->end;

unlike($nginx->log, qr/hush/i, 'no secret is in the log');

$nginx->finish;
done_testing();
