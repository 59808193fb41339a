use strict;
use warnings;

use lib 't/lib';
use NginxProcess;

# Signatures that the senders' own libraries make are accepted, and refused
# with another body.  The libraries come from npm, into build/npm, once; without
# node, npm or its registry there is nothing to test.

use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use IPC::Open2 qw(open2);
use MIME::Base64 qw(encode_base64);
use Test::More;

my %Version = (
    'standardwebhooks' => '1.1.1',
    'svix' => '2.5.0',
    '@octokit/webhooks-methods' => '6.0.0',
    'stripe' => '23.1.0',
);

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

my $Npm = File::Spec->rel2abs(dirname(__FILE__) . '/../build/npm');

# A line of JSON for each event: library, secret, body in base64; then a line
# with the headers.  Names and values are one after the other.
my $Signer = <<'END';
import readline from 'node:readline';

const sign = {
    'standardwebhooks': (m, secret, body, n, time) =>
        [ 'webhook-id', 'msg_' + n, 'webhook-timestamp', time,
          'webhook-signature',
          new m.Webhook(secret).sign('msg_' + n, new Date(time * 1000),
                                     body) ],

    'svix': (m, secret, body, n, time) =>
        [ 'webhook-id', 'msg_' + n, 'webhook-timestamp', time,
          'webhook-signature',
          new m.Webhook(secret).sign('msg_' + n, new Date(time * 1000),
                                     body) ],

    '@octokit/webhooks-methods': async (m, secret, body) =>
        [ 'X-Hub-Signature-256', await m.sign(secret, body) ],

    'stripe': (m, secret, body, n, time) => {
        return [ 'Stripe-Signature',
                 new m.default('sk_test_x').webhooks.generateTestHeaderString({
                     payload: body, secret, timestamp: time }) ];
    },
};

const modules = {};
let n = 0;

for (const name of Object.keys(sign)) {
    try {
        modules[name] = await import(name);
    } catch (e) {
        modules[name] = e;
    }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
    const { name, secret, body, age } = JSON.parse(line);
    const text = Buffer.from(body, 'base64').toString();
    const time = Math.floor(Date.now() / 1000) - age;
    let answer;

    try {
        if (modules[name] instanceof Error) throw modules[name];
        answer = await sign[name](modules[name],
                                  Buffer.from(secret, 'base64').toString(),
                                  text, ++n, time);
    } catch (e) {
        answer = { error: String(e).split('\n')[0] };
    }

    console.log(JSON.stringify(answer));
}
END


# --- the libraries ----------------------------------------------------------

sub find { my $name = shift; return grep { -x "$_/$name" } File::Spec->path }

plan(skip_all => "there is no $_ here") for grep { !find($_) } qw(node npm);

make_path($Npm);

# two runs at once install once
open my $lock, '>', "$Npm/.lock" or die "$Npm/.lock: $!";
flock $lock, LOCK_EX or die "flock: $!";

sub installed {
    my $name = shift;

    my $about = eval { NginxProcess::read_file(
                       "$Npm/node_modules/$name/package.json") } // return;
    return $about =~ /^\s*"version"\s*:\s*"\Q$Version{$name}\E"/m;
}

if (my @missing = grep { !installed($_) } sort keys %Version) {
    NginxProcess::write_file("$Npm/package.json", "{\"private\": true}\n");

    my @command = ('npm', 'install', '--no-audit', '--no-fund',
                   '--ignore-scripts', '--fetch-retries=0',
                   '--fetch-timeout=30000', '--prefix', $Npm,
                   map { "$_\@$Version{$_}" } sort keys %Version);

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        setpgrp;
        open STDIN, '<', File::Spec->devnull;
        open STDOUT, '>', "$Npm/install.log";
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }

    if (!NginxProcess::wait_until(sub { waitpid $pid, POSIX::WNOHANG() }, 120))
    {
        kill KILL => -$pid;
        waitpid $pid, 0;
    }

    if (my @still = grep { !installed($_) } sort keys %Version) {
        plan(skip_all => "npm does not install here: @still");
    }
}

# node looks for the libraries where the script is
NginxProcess::write_file("$Npm/sign.$$", $Signer);
rename "$Npm/sign.$$", "$Npm/sign.mjs" or die "rename: $!";

close $lock;


# --- nginx ------------------------------------------------------------------

my $nginx = NginxProcess->new(name => 'clients');
my ($location, %Path) = ('');

for my $name (sort keys %Version) {
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

server {
    listen 127.0.0.1:${\ NginxProcess::port(1)};
    client_body_buffer_size 8m;
    log_not_found off;

    location / {
        mirror /mirror;
        error_page 404 =200 \@echo;
    }

    location = /mirror {
        return 204;
    }

    location \@echo {
        return 200 \$request_body;
    }
}
END

$nginx->start;

my $signer = open2(my $out, my $in, 'node', "$Npm/sign.mjs");

# The headers that the library makes, or nothing if it does not work here.
my %Error;

sub sign {
    my ($name, $secret, $body, $age) = @_;
    $age //= 0;

    printf $in "{\"name\":\"%s\",\"secret\":\"%s\",\"body\":\"%s\",\"age\":%d}\n",
        $name, encode_base64($secret, ''), encode_base64($body, ''), $age;
    $in->flush;

    local $SIG{ALRM} = sub { die "node does not answer\n" };
    alarm 60;
    my $line = <$out> // die "node has ended\n";
    alarm 0;

    if ($line =~ /^\{"error":(.*)\}$/) {
        $Error{$name} = $1;
        return;
    }

    # strings without escapes, and numbers
    my @words = $line =~ /"([^"]*)"|(\d+)/g;
    return grep { defined } @words;
}

sub post {
    my ($path, $body, @header) = @_;
    return NginxProcess::Client->new->request(POST => $path, $body, @header);
}

sub refused {
    my ($answer, $name, $reason, $what) = @_;
    my $message = $reason eq 'invalid_signature'
                  ? 'the signature is not valid'
                  : 'the timestamp of the signature is too old or too new';

    is_deeply([$answer->{status}, $answer->{headers}{'www-authenticate'},
               $answer->{body}],
              [401, $Challenge{$Scheme{$name}},
               '{"type":"about:blank","title":"Unauthorized","status":401,'
               . "\"detail\":\"$message\",\"reason\":\"$reason\"}"],
              "$name: $what");
}

my $Large = '{"text":"' . join(' ', 1 .. 100000) . "\"}\n";

for my $name (sort keys %Version) {
    SKIP: {
        my ($old, $new) = @{$Secret{$name}};

        sign($name, $old, 'x')
            or skip "$name $Version{$name} does not run here: $Error{$name}", 1;

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

close $in;
close $out;
waitpid $signer, 0;

unlike($nginx->log, qr/hush/i, 'no secret is in the log');

$nginx->finish;
done_testing();
