use strict;
use warnings;

use lib 't/lib';
use NginxProcess;

# The README and the pages of docs/:
#
# - each nginx block loads as it is shown;
# - each sh block works, and its output is the block that stands below it;
# - the commands of a console block, which change the machine, are done by
#   another test, or are asked for their --help, which has the options shown;
# - each link leads somewhere.
#
# The recipes are played by t/091-recipes.t, but for their nginx blocks and their
# links.

use File::Basename qw(basename dirname);
use File::Path qw(make_path remove_tree);
use Pages qw(top slurp fenced ported relocated output);
use Test::More;

my $Top = top();
my $Root = $NginxProcess::Root;
my @Port = map { NginxProcess::port($_) } 0 .. 3;

my @Pages = map { s{^\Q$Top\E/}{}r }
            "$Top/README.md", glob("$Top/docs/*.md $Top/docs/*/*.md");

# Whose sh blocks are run by another test
my %Elsewhere = (
    'docs/state.md' => 't/033-backup.t',
    map { $_ => 't/091-recipes.t' } grep { m{^docs/recipes/} } @Pages,
);

# Commands of console blocks that are not asked for their --help: what they
# begin with, and why
my %Machine = (
    'apt install'   => 'util/test-package installs the package',
    'apt purge'     => 'util/test-package purges it',
    'service nginx' => 'util/test-package upgrades the service',
    './configure'   => 'util/build configures nginx with the module, both ways',
    'make'          => 'util/build makes it',
);

# What a command looks like where it is not marked as one
my $Command = qr{(?:util/|curl |apt |service |nginx -|mdb_|kill |\./configure|
                  make\b|jq |cp |rm |touch )}x;


# with the ports and the folders that examples have here
sub here { return relocated(ported($_[0], @Port), $Root) }

# An nginx block for http {} needs an address to listen on, so that it does not
# take port 80 of this machine.
sub listening {
    my ($text, $port) = @_;
    $port //= $Port[0];

    $text =~ s/^server \{\n(?![^{}]*^\s+listen\s)/server {
    listen 127.0.0.1:$port;
/gm;

    return $text;
}

sub fresh_folders {
    remove_tree("$Root/state", "$Root/backup");
    make_path("$Root/state", "$Root/backup");
}


# --- nginx blocks -----------------------------------------------------------

# What a block can be put into, and how
my @Levels = (
    ['http' => sub { return (http => listening($_[0])) }],
    ['server' => sub {
        return (http => "server {\nlisten 127.0.0.1:$Port[0];\n$_[0]}\n");
    }],
    ['location' => sub {
        return (http => "server {\nlisten 127.0.0.1:$Port[0];\n"
                        . "location / {\n$_[0]}\n}\n");
    }],
    ['http, below webhook_schemes.conf,' => sub {
        return (http => "include webhook_schemes.conf;\n" . listening($_[0]));
    }],
    ['upstream' => sub { return (http => "upstream x {\n$_[0]}\n") }],
);

# What blocks of a page include: it is made by commands of that page.
sub included {
    spew_conf('github.secret', qq(webhook_signature github "s3cr3t";\n));
    spew_conf('webhook_schemes.conf',
              slurp("$Top/conf/webhook_schemes.conf"));

    return if -e "$Root/conf/hooks.crt";

    system("openssl req -x509 -newkey rsa:2048 -nodes -days 2"
           . " -subj /CN=hooks.example.com -keyout $Root/conf/hooks.key"
           . " -out $Root/conf/hooks.crt 2>/dev/null") == 0
        or die 'openssl makes no certificate';
}

sub spew_conf { NginxProcess::write_file("$Root/conf/$_[0]", $_[1]) }

# Returns what nginx -t says if it does not take the configuration.
sub refused {
    my %configuration = @_;
    my $nginx = NginxProcess->new(name => 'block');

    fresh_folders();
    $nginx->configure(%configuration);
    my ($status, $said) = $nginx->run('-t');

    # What it refuses is no failure of the test.
    unlink "$Root/logs/error.log";

    return $status == 0 ? undef : $said =~ s/^(?!.*\[emerg\]).*\n//gmr;
}

sub loads {
    my ($text, $name) = @_;
    my $said = '';

    if ($text =~ m{^load_module\s+modules/(\S+);}) {
        my $name_there = "$Root/loaded/$1";
        my $file = $ENV{TEST_NGINX_LOAD_MODULES};

      SKIP: {
            skip 'the module is compiled in', 1 if !$file;

            local $ENV{TEST_NGINX_LOAD_MODULES};

            # It is where the line says, in another folder than modules/ of
            # nginx's prefix.
            make_path("$Root/loaded");
            symlink $file, $name_there;
            $text =~ s{modules/}{$Root/loaded/};

            is(refused(main => $text, http => ''), undef,
               "$name loads beside http {}");
        }

        return;
    }

    for my $level (@Levels) {
        my ($where, $put) = @$level;
        my $why = refused($put->(here($text)));

        if (!defined $why) {
            pass("$name loads in $where {}");
            return;
        }

        $said .= "in $where: $why";
    }

    fail("$name loads") or diag($said);
}

included();

for my $page (@Pages) {
    for my $block (fenced(slurp("$Top/$page"))) {
        my ($language, $text, $line) = @$block;

        loads($text, "$page line $line") if $language eq 'nginx';
    }
}

is(refused(http => here(slurp("$Top/docs/example.conf"))), undef,
   'docs/example.conf loads');


# --- console blocks ---------------------------------------------------------

# Whether a script knows the options that it is called with
sub has_options {
    my ($script, $arguments, $name) = @_;
    my $help = `'$Top/$script' --help 2>&1`;

    is($?, 0, "$name: $script has a --help");
    is(join(' ', grep { $help !~ /(?<![\w-])\Q$_\E\b/ }
                 $arguments =~ /(?<!\S)(--[\w-]+)/g), '',
       "$name: with the options that are shown");
}

# A command may have a prompt before it, and what it does behind it.
sub console {
    my ($text, $name) = @_;

    for my $line (split /\n/, $text) {
        my $command = $line =~ s/^[\$#] //r =~ s/\s{2,}.*//r;

        if ($command =~ m{^(?:[A-Z_]+=\S+ )*(util/\w[\w-]*)(.*)}) {
            has_options($1, $2, $name);
            next;
        }

        ok((grep { index($command, $_) == 0 } keys %Machine),
           "$name: it is known where \"$command\" is tested");
    }
}

for my $page (@Pages) {
    my $text = slurp("$Top/$page");

    for my $block (fenced($text)) {
        my ($language, $text, $line) = @$block;

        console($text, "$page line $line") if $language eq 'console';

        unlike($text, qr/^[\$#]? ?$Command/m,
               "$page line $line has no command that nobody runs")
            if $language !~ /^(?:sh|console|nginx)$/;
    }

    $text =~ s/^```.*?^```$//gms;
    is(join(', ', $text =~ /`(curl [^`]+)`/g), '',
       "$page has its requests in blocks");
}


# --- sh blocks --------------------------------------------------------------

# Runs the sh blocks among the given ones.  What is shown in the place of a UUID
# is either "UUID" or "…".
sub play {
    my ($folder, $page, $change, @blocks) = @_;

    for my $i (0 .. $#blocks) {
        my ($language, $text, $line) = @{$blocks[$i]};

        next if $language ne 'sh';

        my ($status, $output, $expected);
        my $uuid = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

        $expected = output($blocks[$i + 1]);

        # A file that nginx makes is there some time later.
        NginxProcess::wait_until(sub {
            ($output, $status) = Pages::shell($folder, $change->($text));
            return $status == 0;
        }, 10);

        $ENV{UUID} = $1 if $output =~ s/"uuid":"($uuid)"/"uuid":"UUID"/;
        $output =~ s/"id":"$uuid"/"id":"UUID"/;

        is($status, 0, "$page line $line: works");
        like($output, $expected, "$page line $line: and says what is shown");
    }
}

# Where nginx is started and signalled as in the pages
make_path("$Root/bin");
NginxProcess::write_file("$Root/bin/nginx", <<"END");
#!/bin/sh
exec '@{[NginxProcess::binary()]}' -p '$Root/' -c conf/nginx.conf \\
    -e logs/error.log "\$@"
END
chmod 0755, "$Root/bin/nginx";

my $Application = <<"END";
server {
    listen 127.0.0.1:$Port[1];
    return 200 "taken\\n";
}
END

# What a page's commands need beside its first server, and what has happened
# before they are run
my %Before = (
    'docs/operations.md' => {
        http => "webhook_zone zone=hooks:64k"
                . " state=$Root/state/webhooks.db;\n",
        sub => sub {
            NginxProcess::Client->new->request(
                POST => '/webhook/plugin/data_updated', '{}',
                'X-Secret' => 'guess', 'Content-Type' => 'application/json');

            NginxProcess::wait_until(sub { -s "$Root/logs/webhook.log" });
        },
    },
);

my $nginx = NginxProcess->new(name => 'docs');

for my $page (@Pages) {
    my @blocks = fenced(slurp("$Top/$page"));

    next if $page eq 'README.md' || $Elsewhere{$page}
            || !grep { $_->[0] eq 'sh' } @blocks;

    my $before = $Before{$page} // {};
    my ($server) = map { $_->[1] }
                   grep { $_->[0] eq 'nginx' && $_->[1] =~ /^server \{/m }
                   @blocks;

    local $ENV{PATH} = "$Root/bin:$ENV{PATH}";

    fresh_folders();
    $nginx->configure(http => listening(here($server // "server {\n}\n"))
                              . ($before->{http} // '') . $Application);
    $nginx->start;
    $before->{sub}->() if $before->{sub};

    play("$Root/conf", $page, \&here, @blocks);

    ok(NginxProcess::wait_until(sub { $nginx->master && $nginx->workers }),
       "$page: nginx is there afterwards");
    $nginx->stop;
    unlink "$Root/conf/environment";
}

# The README is played with util/run, as it says.
SKIP: {
    skip 'util/run has the distribution\'s nginx', 1
        if !$ENV{TEST_NGINX_LOAD_MODULES};

    my $printed = "$Root/logs/printed";
    my $conf = "$Root/conf/example.conf";
    my $said = sub { return -e $printed ? slurp($printed) : '' };

    NginxProcess::write_file($conf, ported(slurp("$Top/docs/example.conf"),
                                           @Port));

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        $SIG{INT} = $SIG{TERM} = 'DEFAULT';
        open STDOUT, '>', $printed or POSIX::_exit(99);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(99);
        open STDIN, '<', '/dev/null';
        exec "$Top/util/run", $conf or POSIX::_exit(99);
    }

    ok(NginxProcess::wait_until(sub {
           return !grep { !IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                                 PeerPort => $_) } @Port[0, 1];
       }, 300), 'README.md: util/run listens') or diag($said->());

    my $text = slurp("$Top/README.md");

    play("$Root/conf", 'README.md',
         sub { ported($_[0], @Port) =~ s{build/run/}{$Top/build/run/}gr },
         fenced($text));

    my ($arrived) = $text =~ /the application has got\s+`([^`]+)`/
        or die 'the README does not tell what arrives';

    NginxProcess::wait_until(sub { $said->() =~ /arrived  webhook_test/ });

    my $uuid = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
    my $log = $said->();

    like($log, qr/^arrived  data_updated  $uuid  /m, 'README.md: Luzmo arrived');
    like($log, qr/^arrived  deploy  $uuid  \Q$arrived\E$/m,
         'README.md: Lenra arrived');
    like($log, qr/^arrived  order\.paid  evt_1  /m,
         'README.md: the configured sender arrived');
    like($log, qr/^refused  400 unknown_event  shop$/m,
         'README.md: its unknown event is refused');
    like($log, qr/^arrived  webhook_test  $uuid  .*"test":true/m,
         'README.md: what was queued arrived');
    like($log, qr/^refused  401 invalid_secret  luzmo$/m,
         'README.md: a refusal');
    like($log, qr/^refused  400 missing_field  munity$/m,
         'README.md: another one');

    kill INT => $pid;
    waitpid $pid, 0;
    is($?, 0, 'README.md: util/run ends with Ctrl-C');
}


# --- links ------------------------------------------------------------------

# as GitHub makes an anchor of a heading
sub anchor {
    my $heading = lc shift;

    $heading =~ s/`//g;
    $heading =~ s/[^\w\s-]//g;

    return $heading =~ s/\s/-/gr;
}

for my $page (@Pages) {
    my $folder = dirname("$Top/$page");
    my @dead;

    for my $link (slurp("$Top/$page") =~ /\]\(([^)\s]+)\)/g) {
        next if $link =~ m{^https?://};

        my ($file, $anchor) = $link =~ /^([^#]*)(?:#(.*))?$/;
        my $target = $file eq '' ? "$Top/$page" : "$folder/$file";

        if (!-e $target) {
            push @dead, $link;
            next;
        }

        next if !defined $anchor;

        my %anchors = map { anchor($_) => 1 }
                      slurp($target) =~ /^#+ +(.+)$/gm;
        push @dead, $link if !$anchors{$anchor};
    }

    is(join(' ', @dead), '', "$page: its links lead somewhere");
}

$nginx->finish;
done_testing();
