use strict;
use warnings;

use lib 't/lib';
use NginxProcess;

# The pages of docs/recipes/, from top to bottom, as somebody would try them:
#
# - a configuration is used from there on; where it is no server, it replaces
#   the directives of that name;
# - a shell command's output is the block that stands below it;
# - what the application has got is what it has got.
#
# A "…" in what is expected stands for anything on one line.  Then each refusal
# that a page's last table tells about is brought about by a change to the first
# event of the page.

use File::Basename qw(basename);
use Pages qw(top slurp fenced ported relocated output pattern);
use Test::More;

my $Dir = "$NginxProcess::Root/conf";
my $Environment = "$Dir/environment";
my $Arrived = "$Dir/arrived";

my $nginx = NginxProcess->new(name => 'recipes');

mkdir "$NginxProcess::Root/state" or die "mkdir: $!";

NginxProcess::write_file("$Dir/webhook_schemes.conf",
                         slurp(top() . '/conf/webhook_schemes.conf'));

# nginx's own 413 and 404, and an application that is not there
$nginx->expect(qr/connect\(\) failed \(111: Connection refused\)/,
               qr/destination \w+ is failing/,
               qr/client intended to send too large body/,
               qr/index\.html" is not found/);


# --- what the pages need ----------------------------------------------------

# The application: keeps the last request as it has come, and says "taken".
sub application {
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16,
                                       LocalPort => NginxProcess::port(1),
                                       ReuseAddr => 1) or die "listen: $!";
    my $test = $$;
    my $pid = fork // die "fork: $!";

    return ($pid, $listen) if $pid;

    $SIG{TERM} = $SIG{INT} = 'DEFAULT';
    $SIG{ALRM} = sub { };

    while (getppid() == $test) {
        alarm 1;
        my $socket = $listen->accept or next;
        alarm 0;

        my $text = '';

        while ($text !~ /\r\n\r\n/) {
            sysread $socket, $text, 65536, length $text or last;
        }

        my $length = $text =~ /^Content-Length: (\d+)/mi ? $1 : 0;
        $length += index($text, "\r\n\r\n") + 4;

        while (length $text < $length) {
            sysread $socket, $text, 65536, length $text or last;
        }

        NginxProcess::write_file("$Arrived.new", $text);
        rename "$Arrived.new", $Arrived;

        print $socket "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n"
                      . "Connection: close\r\n\r\ntaken\n";
        close $socket;
    }

    POSIX::_exit(0);
}

# with the ports and the folders that examples have here
sub here {
    return relocated(ported($_[0], map { NginxProcess::port($_) } 0 .. 3),
                     $NginxProcess::Root);
}

sub shell { return Pages::shell($Dir, here($_[0])) }

# The configuration with the directives of a text, all of one name, in the place
# of those that it has.
sub changed {
    my ($conf, $text) = @_;
    my ($name) = $text =~ /^(\w+)/;
    my $n = 0;

    $conf =~ s/^[ \t]*$name\s[^;{}]*;\n/$n++ ? '' : $text/gem;
    die "there is no $name" if !$n;

    return $conf;
}

sub use_conf {
    my ($conf, $what) = @_;

    $nginx->configure(http => here($conf));

    if ($nginx->master) {
        ok($nginx->reload, "$what: nginx takes it");
        return;
    }

    $nginx->start;
    pass("$what: nginx starts with it");
}


# --- refusals ---------------------------------------------------------------

# For each page, what the table says, and what is to be changed in the first
# command that sends something to get there: a pattern and what it becomes.

my @Raw = (
    '405 method_not_allowed' => ['curl -s' => 'curl -s -X PUT'],
);

my @Large = (
    '413' => ['curl -s' => "curl -s -H 'Content-Length: 99999999' -m 10"],
);

sub signed {
    my ($header, $path) = @_;

    return (
        @Raw, $path ? (@Large, '404' => [$path => "$path/"]) : (),
        '401 missing_signature' => [$header => 'X-Other'],
        '401 invalid_signature' => ['secret=' => 'secret=x'],
        '401 invalid_signature' =>
            ['--data-binary "\$body"' => '--data-binary "$body "'],
    );
}

my @Stale = (
    '401 stale_signature' => ['date \+%s' => 'date -d "6 minutes ago" +%s'],
    '401 stale_signature' => ['date \+%s' => 'date -d "6 minutes" +%s'],
);

my @Json = (
    @Raw, @Large,
    '415 unsupported_media_type' =>
        [q(  -H 'Content-Type: application/json' \\\\\n) => ''],
    '400 invalid_json' => [q(binary ') => q(binary ',)],
);

# a token in the header Authorization
my @Bearer = (
    '401 missing_secret' => ['Authorization' => 'X-Other'],
    '401 invalid_secret' => ['token=' => 'token=x'],
    '401 invalid_secret' => ['Bearer' => 'Basic'],
);

my %Refusals = (
    github => [
        signed('X-Hub-Signature-256', '/github'),
        '401 missing_signature' => ['X-Hub-Signature-256: sha256='
                                    => 'X-Hub-Signature: sha1='],
        '401 invalid_signature' => ['"\$secret"' => '"$secret "'],
    ],

    stripe => [
        signed('Stripe-Signature', '/stripe'), @Stale,
        '401 invalid_signature' => ['whsec_' => ''],
        '401 invalid_signature' => ['t=\$time,' => ''],
    ],

    slack => [
        signed('X-Slack-Signature'), @Stale,
        '301' => ['/events' => ''],
        '401 missing_signature' => ['X-Slack-Request-Timestamp' => 'X-Other'],
    ],

    shopify => [
        signed('X-Shopify-Hmac-Sha256', '/shopify'),
        '401 invalid_signature' => ['-binary \| base64'
                                    => '-r | cut -c 1-64'],
    ],

    'standard-webhooks' => [
        signed('webhook-signature', '/events'), @Stale,
        (map { ('401 missing_signature' => [$_ => 'X-Other']) }
             'webhook-id', 'webhook-timestamp'),
        '401 missing_signature' => ['webhook-' => 'svix-'],
        '401 invalid_signature' => ['v1,' => 'v1a,'],
        '401 invalid_signature' => ['-mac HMAC -macopt "hexkey:\$key"'
                                    => '-hmac "$secret"'],
    ],

    svix => [
        signed('svix-signature', '/svix'), @Stale,
        (map { ('401 missing_signature' => [$_ => 'X-Other']) }
             'svix-id', 'svix-timestamp'),
        '401 missing_signature' => ['svix-' => 'webhook-'],
        '401 invalid_signature' => ['-mac HMAC -macopt "hexkey:\$key"'
                                    => '-hmac "$secret"'],
    ],

    meta => [
        '403 challenge_refused' => ['t0k3n-meta' => 't0k3n'],
        '400 invalid_challenge' => ['1158201444' => ''],
        '405 method_not_allowed' => ['hub.mode' => 'mode'],
        '404' => ['/meta' => '/meta/'],
    ],

    zoom => [
        signed('x-zm-signature', '/zoom'), @Stale,
        '401 missing_signature' => ['x-zm-request-timestamp' => 'X-Other'],
        '400 invalid_challenge' => ['qgg8' => 'qgg 8'],
        '400 invalid_challenge' => ['qgg8vlvZRS6UYooatFL8Aw' => ''],
    ],

    discord => [
        @Raw, @Large, @Stale,
        '404' => ['/discord' => '/discord/'],
        '401 missing_signature' => ['X-Signature-Ed25519' => 'X-Other'],
        '401 missing_signature' => ['X-Signature-Timestamp' => 'X-Other'],
        '401 invalid_signature' => ['Ed25519: \$sig' => 'Ed25519: 0$sig'],
        '401 invalid_signature' => ['"\$time" "\$body"' => '"$time" x'],
        '401 invalid_signature' =>
            ['--data-binary "\$body"' => '--data-binary "$body "'],
    ],

    paddle => [
        signed('Paddle-Signature', '/paddle'), @Stale,
        '401 invalid_signature' => ['ts=\$time;' => ''],
        '401 invalid_signature' => ['pdl_ntfset_' => ''],
    ],

    'application-first' => [
        signed('X-Hub-Signature-256', '/github'),
    ],

    gitlab => [
        @Json,
        '404' => ['/gitlab' => '/gitlab/'],
        '401 missing_secret' => ['X-Gitlab-Token' => 'X-Other'],
        '401 invalid_secret' => ['secret=' => 'secret=x'],
        '401 invalid_secret' => ['\$secret"' => '$secret x"'],
    ],

    'microsoft-graph' => [
        '400 invalid_challenge' => ['=Validation\S+' => '="'],
        '400 invalid_challenge' => ['client"' => 'x' x 4096 . '"'],
        '405 method_not_allowed' => ['POST' => 'PUT'],
        '415 unsupported_media_type' => ['validationToken' => 'token'],
        '404' => ['/graph' => '/graph/'],
    ],

    cloudevents => [
        @Raw, @Large, @Bearer,
        '404' => ['/events' => '/events/'],
        '405 method_not_allowed' => ['curl -s' => 'curl -s -X OPTIONS'],
        '415 unsupported_media_type' => ['cloudevents\+json' => 'cloudevents'],
        '400 invalid_json' => [q(binary ') => q(binary ',)],
    ],

    grafana => [
        @Json, @Bearer,
        '404' => ['/alertmanager' => '/alertmanager/'],
        '400 unknown_event' => ['"firing"' => '"fired"'],
        '400 missing_field' => ['"status"' => '"state"'],
    ],

    own => [
        signed('X-Shop-Signature', '/shop'), @Stale,
        '401 missing_signature' => ['X-Shop-Time' => 'X-Other'],
        '400 unknown_event' => ['order\.paid' => 'order.lost'],
        '400 missing_field' => ['"type"' => '"kind"'],
        '400 invalid_field' => ['"order.paid"' => '["order.paid"]'],
        '400 duplicate_field' => ['\{"id"' => '{"type":"order.paid","id"'],
        '400 invalid_json' => ['"ev_7",' => '"ev_7"'],
        '415 unsupported_media_type' =>
            [q(  -H 'Content-Type: application/json' \\\\\n) => ''],
    ],

    token => [
        @Raw, @Large, @Bearer,
        '404' => ['/hook' => '/hook/'],
    ],

    luzmo => [
        @Json,
        '401 missing_secret' => ['X-Secret' => 'X-Other'],
        '401 invalid_secret' => ['secret=' => 'secret=x'],
        '401 invalid_secret' => ['-H "X-Secret: \$secret"'
                                 => '-H "X-Secret: $secret" '
                                    . '-H "X-Secret: $secret"'],
        '403 wrong_plugin' => ['"acme"' => '"weather"'],
        '404 unknown_event' => ['data_updated' => 'data_changed'],
        '404 unknown_event' => ['data_updated' => 'data_updated/'],
        '301' => ['/data_updated' => ''],
        '400 missing_field' => [',"dataset_id":"tasks"' => ''],
        '400 invalid_field' => ['"3f1c6a52-[^"]*"' => '7'],
        '400 invalid_field' => ['"acme"' => '"ac.me"'],
    ],

    munity => [
        @Json,
        '404' => ['/munity' => '/munity/'],
        '401 missing_secret' => ['X-Secret' => 'X-Other'],
        '401 invalid_secret' => ['secret=' => 'secret=x'],
        '401 invalid_secret' => ['-H "X-Secret: \$secret"'
                                 => '-H "X-Secret: $secret" '
                                    . '-H "X-Secret: $secret"'],
        '400 missing_field' => ['"customer_id":"c7",' => ''],
        '400 missing_field' => ['"state":null,' => ''],
        '400 invalid_field' => ['"payload":.*\}' => '"payload":[]}'],
        '400 unknown_event' => ['integration_new' => 'integration_newer'],
    ],

    lenra => [
        @Json,
        '401 unauthenticated' => ['Authorization: Bearer' => 'X-Other:'],
        '401 unauthenticated' => ['Bearer' => 'Basic'],
        '401 invalid_token' => ['token=' => 'token=x'],
        '404 error_404' => ['app/webhooks' => 'webhooks'],
        '301' => ['/app/webhooks' => ''],
        '400 empty_body' => [q('\{.*\}') => q('')],
        '400 invalid_action' => ['"action":"deploy",' => ''],
        '400 invalid_action' => ['"deploy"' => '" "'],
        '400 invalid_props' => ['\{"to":"production"\}' => '[]'],
    ],
);

# answers with its status and reason, as the table has them
sub answered {
    my ($command, $pattern, $other) = @_;

    $command =~ s/$pattern/$other/g or return "no $pattern here";

    # what would be kept in a variable is to be seen
    $command =~ s/answer=\$\((.*?)\)\n.*/$1/s;
    $command =~ s/curl -s/curl -s -w '\\n%{http_code}'/;

    my ($output) = shell($command);
    my ($status) = $output =~ /(\d{3})\n?\z/ or return $output;

    return $status . ($output =~ /"reason":"(\w+)"/ ? " $1" : '');
}

sub refusals {
    my ($page, $text, $command) = @_;
    my @cases = @{$Refusals{$page}};
    my (%seen, %told);

    for my $cell ($text =~ /^\| (\d{3}.*?) \|/mg) {
        $told{join ' ', $cell =~ /^(\d+)(?: `(\w+)`)?/ ? grep { defined } $1, $2
                                                      : $cell} = 1;
    }

    while (my ($expected, $change) = splice @cases, 0, 2) {
        is(answered($command, @$change), $expected,
           "$page: $expected, for $change->[0]");
        $seen{$expected} = 1;
    }

    is_deeply([sort keys %told], [sort keys %seen],
              "$page: these are the refusals that it tells about");
}


# --- the pages --------------------------------------------------------------

sub play {
    my $file = shift;
    my $page = basename($file, '.md');
    my @blocks = fenced(slurp($file));
    my ($conf, $output, $first) = ('');

    unlink $Environment, $Arrived;

    my ($pid, $listen) = application()
        if !grep { $_->[1] =~ /listen\s+127\.0\.0\.1:8081/ } @blocks;

    for my $i (0 .. $#blocks) {
        my ($language, $text, $line) = @{$blocks[$i]};
        my $what = "$page line $line";

        if ($language eq 'nginx') {
            $conf = $text =~ /^server\s*\{/m ? $text : changed($conf, $text);
            use_conf($conf, $what);

        } elsif ($language eq 'sh') {
            my $expected = output($blocks[$i + 1]);
            my $status;

            # a line is logged after the answer
            NginxProcess::wait_until(sub {
                ($output, $status) = shell($text);
                return $text !~ /^tail/ || $output =~ $expected;
            }, 10);

            is($status, 0, "$what: works");
            like($output, $expected, "$what: and answers as it is said");

            $first //= $text if $text =~ /curl/;

        } elsif ($language eq 'http') {
            my $arrived = slurp($Arrived);

            $text =~ s/\n\n(.*)\n\z/\n\n$1/s;
            $arrived =~ s/\r\n/\n/g;

            # A newer nginx speaks HTTP/1.1 to upstream, unless told.
            if ($arrived =~ m{^\S+ \S+ HTTP/1\.1\n}) {
                $text =~ s{ HTTP/1\.0\n}{ HTTP/1.1\n};
                $text =~ s/^Connection: close\n//m;
            }

            like($arrived, pattern($text), "$what: has arrived");
        }
    }

    refusals($page, slurp($file), $first) if $page ne 'README';

    if ($pid) {
        kill TERM => $pid;
        waitpid $pid, 0;
        close $listen;
    }
}

# However the path of a webhook is written, its UUID is in no access log.
sub masked {
    my $log = "$NginxProcess::Root/logs/webhooks.log";
    my ($uuid) = slurp($Environment) =~ /\buuid='([0-9a-f-]{36})'/
        or die 'the page keeps no UUID';
    my $app = '8c8e1f0a-5b0c-4f7e-9d43-0f3f6f0f1c11';
    my @paths = ("app/webhooks/$uuid", "%61pp/webhooks/$uuid",
                 "/app/./webhooks/$uuid?x=y", "apps/$app/webhooks/$uuid",
                 "ap%70s/$app/%77ebhooks/$uuid",
                 "x/../apps/$app//webhooks/$uuid/",
                 "v1/apps/$app/webhooks/$uuid", "%0a/apps/$app/webhooks/$uuid",
                 "apps/apps/$app/webhooks/$uuid",
                 "webhooks/apps/$app/webhooks/$uuid");
    my $lines = () = slurp($log) =~ /\n/g;

    for my $path (@paths) {
        NginxProcess::Client->new->request(PUT => "/lenra/$path", '');
    }

    ok(NginxProcess::wait_until(sub {
           return @paths + $lines == (() = slurp($log) =~ /\n/g);
       }), 'lenra: each path has its line in the log');
    unlike(slurp($log), qr/\Q$uuid\E/, 'lenra: without the UUID');
}

my @pages = map { basename($_, '.md') } glob top() . '/docs/recipes/*.md';

is_deeply([sort @pages], [sort 'README', keys %Refusals],
          'each page has its refusals here');

# the one whose application is nginx's comes last
for my $page ((grep { $_ ne 'README' } @pages), 'README') {
    play(top() . "/docs/recipes/$page.md");
    masked() if $page eq 'lenra';
}

my ($made) = slurp("$Dir/github.secret") =~ /"(\w+)"/;
my $logs = $nginx->log . slurp("$NginxProcess::Root/logs/webhooks.log");

# Meta sends it in the URL, which nginx logs
$logs =~ s/hub\.verify_token=[^&]*//g;

unlike($logs, qr/s3cr3t|t0k3n|whsec_|$made/, 'no secret is in the logs');

$nginx->finish;
done_testing();
